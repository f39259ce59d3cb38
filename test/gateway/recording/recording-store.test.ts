import { spawn, spawnSync } from 'node:child_process'
import { on, once } from 'node:events'
import { watch } from 'node:fs'
import {
  appendFile,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { JWK } from 'jose'
import { parseEntry } from '#lib/audit/audit-entry'
import { RecordingVerifier } from '#lib/recording/verify'
import { printRecipient, type RecipientKey } from '#lib/seal/recipient-key'
import { openAuditLog } from '../../../gateway/audit/audit-log-store.ts'
import { AppendFile } from '../../../gateway/recording/append-file-store.ts'
import type { Recorder, Recordings } from '../../../gateway/recording/recorder.ts'
import { boundTo } from '../../../gateway/recording/recording-audit.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { openSqliteStore } from '../../../gateway/store/sqlite-store.ts'
import { makeRecipient, readAll } from '../../support/recording-sample.ts'
import {
  makeEvidenceKeyObject,
  openSampleStore,
  sampleSubject,
} from '../../support/recording-store.ts'

async function freshFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'zt-recording-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function start(store: Recordings, sessionId: string): Promise<Recorder> {
  const opened = await store.open(sampleSubject(sessionId))
  if (!opened.ok) throw new Error(opened.error.reason)
  return opened.value
}

async function verify(folder: string, file: string, keys: RecipientKey[], evidenceKeys?: JWK[]) {
  const manifest = await readFile(join(folder, `${file}.manifest`), 'utf8').catch(() => undefined)
  const verifier = new RecordingVerifier({
    keys,
    ...(manifest !== undefined && { manifest }),
    ...(evidenceKeys && { evidenceKeys }),
  })
  return (await verifier.push(await readFile(join(folder, file)))) ?? (await verifier.end())
}

const end = { reason: 'closed', endedAtMs: 1_700_000_001_000 }

test('S8 S9: a session becomes a sealed file, a signed manifest and a row', async (t) => {
  const folder = await freshFolder(t)
  const { store, rows, alice, evidenceJwk } = await openSampleStore(folder)
  const recorder = await start(store, 'session-1')
  t.is(rows.get('session-1')?.state, 'open')
  recorder.event({ type: 'exec', channel: 0, command: 'echo marker' })
  const bytes = Buffer.from('marker\n')
  recorder.data(0, 'output', bytes)
  bytes.fill(0) // the relay reuses its buffers
  await recorder.close(end)
  await recorder.close(end)

  const row = rows.get('session-1')
  t.is(row?.state, 'complete')
  t.is(row?.endedAtMs, end.endedAtMs)
  t.is(row?.target, 'db1.corp.internal:22')
  t.deepEqual((await readdir(folder)).sort(), ['session-1.ztrec', 'session-1.ztrec.manifest'])
  const verdict = await verify(folder, 'session-1.ztrec', [alice], [evidenceJwk])
  t.is(verdict.status, 'complete')
  t.is(verdict.signed?.manifest.end.reason, 'closed')
  t.is(verdict.signed?.manifest.subject['certificateSerial'], '42')
  t.is((await stat(join(folder, 'session-1.ztrec'))).mode & 0o777, 0o600)
  t.is((await stat(join(folder, 'session-1.ztrec'))).size, row?.sizeBytes ?? 0)
  for (const file of await readdir(folder)) {
    t.false((await readFile(join(folder, file))).includes('marker'), 'S9 T63: marker in the clear')
  }
  const { frames } = await readAll(await readFile(join(folder, 'session-1.ztrec')), [alice])
  t.true(JSON.stringify(frames).includes('echo marker'))
})

test('S10: opening, closing and failing are audited, and the manifest is bound', async (t) => {
  const folder = await freshFolder(t)
  const log = openAuditLog(openMemoryStore().audit, () => 1)
  const { store } = await openSampleStore(folder, { audit: log })
  await (await start(store, 'session-1')).close(end)
  const { store: unable } = await openSampleStore(folder, {
    audit: log,
    recipients: () => undefined,
  })
  await unable.open(sampleSubject('session-2'))
  const entries = [...log.lines(log.head.size)].map((line) => parseEntry(line))
  const [opened, closed, failed] = entries
  t.deepEqual(
    entries.map((entry) => entry?.kind),
    ['recording_opened', 'recording_closed', 'recording_failed'],
  )
  t.like(opened?.about, { recording: 'session-1', flow: 'flow-1', certificateSerial: '42' })
  const manifest = await readFile(join(folder, 'session-1.ztrec.manifest'), 'utf8')
  t.like(closed?.about, { recording: 'session-1', ...boundTo(manifest) })
  t.like(failed?.about, { recording: 'session-2', reason: 'no_recipient', sessionGoesOn: false })
})

test('S10 S11 T61: what cannot be audited is not recorded, and so not begun', async (t) => {
  const folder = await freshFolder(t)
  const note = () => {
    throw new Error('the store is read only')
  }
  const { store } = await openSampleStore(folder, { audit: { note } })
  const refused = await store.open(sampleSubject('session-1'))
  t.deepEqual(refused, { ok: false, error: { reason: 'not_audited' } })
  t.deepEqual(await readdir(folder), [])
})

test('S10 S11 T61: a failure that cannot be audited ends even a session that would go on', async (t) => {
  const folder = await freshFolder(t)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'zt-test', folder])
  t.is(mounted.status, 0, 'this test mounts a small file system, as root')
  t.teardown(() => spawnSync('umount', [folder]))
  const note = (kind: string) => {
    if (kind === 'recording_failed') throw new Error('the store is read only')
  }
  const { store } = await openSampleStore(folder, { audit: { note } })
  const opened = await store.open({ ...sampleSubject('session-5'), recordFailure: 'go_on' })
  if (!opened.ok) throw new Error(opened.error.reason)
  const recorder = opened.value
  const failed = new Promise<string>((resolve) => {
    recorder.onFailure = resolve
    recorder.onDrain = () => resolve('went on')
  })
  for (let turn = 0; turn < 10; turn++) recorder.data(0, 'output', Buffer.alloc(65_536, 'x'))
  t.is(await failed, 'write_failed')
  t.true(recorder.backlogged, 'no further byte passes')
  await recorder.close(end)
})

// Before the others of this file: they would take its time.
test.serial('S9: bytes are sealed and in the file within a second of arrival', async (t) => {
  const folder = await freshFolder(t)
  const { store, alice } = await openSampleStore(folder)
  const recorder = await start(store, 'session-2')
  const path = join(folder, 'session-2.ztrec')
  const watcher = watch(path)
  t.teardown(() => watcher.close())
  const changes = on(watcher, 'change')
  const arrivedAtMs = performance.now()
  recorder.data(0, 'output', Buffer.from('soon'))
  let heard = ''
  while (heard !== 'soon') {
    await changes.next()
    const { frames } = await readAll(await readFile(path), [alice])
    heard = frames
      .map((frame) => ('bytes' in frame ? Buffer.from(frame.bytes).toString() : ''))
      .join('')
  }
  t.true(performance.now() - arrivedAtMs < 1000)
  await recorder.close(end)
})

test('S11 T62: what runs ahead of the disk is told to wait, and told when it may go on', async (t) => {
  const { store, rows } = await openSampleStore(await freshFolder(t))
  const recorder = await start(store, 'session-3')
  const other = await start(store, 'session-4')
  const drained = new Promise<void>((resolve) => {
    recorder.onDrain = resolve
  })
  recorder.data(0, 'output', Buffer.alloc(1024 * 1024))
  t.true(recorder.backlogged)
  t.false(other.backlogged)
  await drained
  t.false(recorder.backlogged)
  await Promise.all([recorder.close(end), other.close(end)])
  t.true((rows.get('session-3')?.sizeBytes ?? 0) > 1024 * 1024)
})

test('S11 T61: a full disk fails the session once, and what was written stays readable', async (t) => {
  const folder = await freshFolder(t)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'zt-test', folder])
  t.is(mounted.status, 0, 'this test mounts a small file system, as root')
  t.teardown(() => spawnSync('umount', [folder]))
  const { store, rows, alice, evidenceJwk } = await openSampleStore(folder)
  const recorder = await start(store, 'session-5')
  const failures: string[] = []
  const failed = new Promise<void>((resolve) => {
    recorder.onFailure = (reason) => {
      failures.push(reason)
      resolve()
    }
  })
  for (let turn = 0; turn < 10; turn++) recorder.data(0, 'output', Buffer.alloc(65_536, 'x'))
  await failed
  t.true(recorder.backlogged, 'a failed recording never lets the relay go on')
  recorder.data(0, 'output', Buffer.from('after the failure'))
  // Room for the manifest: the disk of a real gateway has its reserve.
  spawnSync('mount', ['-o', 'remount,size=2m', folder])
  await recorder.close({ reason: 'recording_failed', endedAtMs: end.endedAtMs })
  t.deepEqual(failures, ['write_failed'])
  t.is(rows.get('session-5')?.state, 'incomplete')
  const verdict = await verify(folder, 'session-5.ztrec', [alice], [evidenceJwk])
  t.is(verdict.status, 'incomplete')
  t.true(verdict.chunks > 0)
  t.is(verdict.signed?.manifest.gaps[0]?.reason, 'recording_failed')
})

test('S11 T61: where the session goes on, a full disk is audited at once and holds nothing up', async (t) => {
  const folder = await freshFolder(t)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'zt-test', folder])
  t.is(mounted.status, 0, 'this test mounts a small file system, as root')
  t.teardown(() => spawnSync('umount', [folder]))
  const audit = openAuditLog(openMemoryStore().audit, () => 1)
  const { store, rows, alice, evidenceJwk } = await openSampleStore(folder, { audit })
  const opened = await store.open({ ...sampleSubject('session-5'), recordFailure: 'go_on' })
  if (!opened.ok) throw new Error(opened.error.reason)
  const recorder = opened.value
  recorder.onFailure = () => t.fail('the session must not end')
  const drained = new Promise<void>((resolve) => {
    recorder.onDrain = () => {
      if (audit.head.size === 2) resolve()
    }
  })
  for (let turn = 0; turn < 10; turn++) recorder.data(0, 'output', Buffer.alloc(65_536, 'x'))
  t.true(recorder.backlogged)
  await drained
  const entry = parseEntry([...audit.lines(2)][1] ?? '')
  t.is(entry?.kind, 'recording_failed')
  t.like(entry?.about, { recording: 'session-5', reason: 'write_failed', sessionGoesOn: true })
  t.false(recorder.backlogged)
  recorder.data(0, 'output', Buffer.alloc(1024 * 1024))
  t.false(recorder.backlogged, 'nothing is kept of what is not recorded')
  spawnSync('mount', ['-o', 'remount,size=2m', folder])
  await recorder.close(end)
  t.is(rows.get('session-5')?.state, 'incomplete')
  const verdict = await verify(folder, 'session-5.ztrec', [alice], [evidenceJwk])
  t.is(verdict.status, 'incomplete')
  t.true(verdict.chunks > 0)
})

test('S11 T61: a folder that became read-only refuses sessions, and is audited', async (t) => {
  const folder = await freshFolder(t)
  t.is(spawnSync('mount', ['-t', 'tmpfs', 'zt-test', folder]).status, 0)
  t.teardown(() => spawnSync('umount', [folder]))
  const audit = openAuditLog(openMemoryStore().audit, () => 1)
  const { store } = await openSampleStore(folder, { audit })
  await (await start(store, 'session-1')).close(end)
  t.is(spawnSync('mount', ['-o', 'remount,ro', folder]).status, 0)
  const refused = await store.open(sampleSubject('session-2'))
  t.deepEqual(refused, { ok: false, error: { reason: 'write_failed' } })
  const last = parseEntry([...audit.lines(audit.head.size)].at(-1) ?? '')
  t.like(last?.about, { recording: 'session-2', reason: 'write_failed', sessionGoesOn: false })
})

test('S9: little is written together, or at once when asked for', async (t) => {
  const path = join(await freshFolder(t), 'grows')
  let writes = 0
  let failed = (_cause: unknown): void => {}
  const failure = new Promise<never>((_, reject) => {
    failed = reject
  })
  const written = { resolve: (): void => {} }
  const next = () =>
    Promise.race([failure, new Promise<void>((resolve) => Object.assign(written, { resolve }))])
  const onWritten = () => {
    writes++
    written.resolve()
  }
  const file = await AppendFile.create(path, { onWritten, onFailure: (cause) => failed(cause) })
  for (const octet of 'abc') file.append([Buffer.from(octet)])
  file.append([Buffer.alloc(128 * 1024, 'd')])
  await next()
  t.deepEqual([writes, file.pendingBytes], [1, 0], 'all of it in one write')
  file.append([Buffer.from('e')])
  file.flush()
  await next()
  t.is(await readFile(path, 'utf8'), `abc${'d'.repeat(128 * 1024)}e`)
  file.append([Buffer.from('f')])
  t.true(await file.close())
  t.is((await readFile(path, 'utf8')).slice(-2), 'ef')
})

test('S11 T62: a store that takes nothing is behind in bounded memory, then has failed', async (t) => {
  const fifo = join(await freshFolder(t), 'slow')
  t.is(spawnSync('mkfifo', [fifo]).status, 0)
  const handle = await open(fifo, 'r+')
  let failed = (_cause: unknown): void => {}
  const failure = new Promise<unknown>((resolve) => {
    failed = resolve
  })
  const events = { onWritten: () => {}, onFailure: (cause: unknown) => failed(cause) }
  const file = new AppendFile(handle, events, 300)
  // A relay stops when it is told so; what one message brings on top is all that piles up.
  const parts = 256 / 32
  for (let part = 0; part < parts; part++) file.append([Buffer.alloc(32_768)])
  t.is(file.pendingBytes, 256 * 1024)
  t.regex(String(await failure), /takes no octets/)
  file.append([Buffer.alloc(32_768)])
  t.is(file.pendingBytes, 0)
  t.false(await file.close())
  // Only who reads ends the write that is under way, of what came until it began.
  for (let left = 128 * 1024; left > 0; ) {
    left -= (await handle.read(Buffer.alloc(65_536))).bytesRead
  }
  await handle.close()
})

const scopes = { commands: [true, false], metadata: [false, false] } as const
for (const [scope, [hasCommands, hasBytes]] of Object.entries(scopes)) {
  test(`S8 S11: the scope ${scope} keeps what it says, and verifies`, async (t) => {
    const folder = await freshFolder(t)
    const { store, alice, evidenceJwk } = await openSampleStore(folder)
    const recordScope = scope === 'commands' ? 'commands' : 'metadata'
    const opened = await store.open({ ...sampleSubject('session-1'), recordScope })
    if (!opened.ok) throw new Error(opened.error.reason)
    opened.value.event({ type: 'exec', channel: 0, command: 'the command' })
    opened.value.data(0, 'output', Buffer.from('the bytes'))
    await opened.value.close(end)
    const { frames } = await readAll(await readFile(join(folder, 'session-1.ztrec')), [alice])
    t.is(JSON.stringify(frames).includes('the command'), hasCommands)
    t.is(
      frames.some((frame) => 'bytes' in frame),
      hasBytes,
    )
    const verdict = await verify(folder, 'session-1.ztrec', [alice], [evidenceJwk])
    t.is(verdict.status, 'complete')
    t.like(verdict.signed?.manifest.channels?.[0], { output: 9, events: 1 })
    t.is(verdict.signed?.manifest.subject['recordScope'], scope)
  })
}

test('S9: without recipients nothing is recorded, and the refusal says so', async (t) => {
  const folder = await freshFolder(t)
  for (const recipients of [() => undefined, () => ({ output: [] })]) {
    const { store } = await openSampleStore(folder, { recipients })
    const refused = await store.open(sampleSubject('session-6'))
    t.deepEqual(refused, { ok: false, error: { reason: 'no_recipient' } })
  }
  t.deepEqual(await readdir(folder), [])
})

test('S11: below the reserve of free space no session starts', async (t) => {
  const folder = await freshFolder(t)
  const { store } = await openSampleStore(folder, { freeSpaceReserveBytes: 2 ** 60 })
  const refused = await store.open(sampleSubject('session-7'))
  t.deepEqual(refused, { ok: false, error: { reason: 'no_space' } })
  t.deepEqual(await readdir(folder), [])
})

test('S9 T66: an id that could be a path, or that is taken, opens nothing', async (t) => {
  const folder = await freshFolder(t)
  const { store } = await openSampleStore(folder)
  for (const hostile of [
    '../../etc/passwd',
    'a/b/c/d/e',
    'short',
    `..${'x'.repeat(20)}`,
    'nul\u0000nul-nul',
  ]) {
    await t.throwsAsync(store.open(sampleSubject(hostile)))
  }
  const recorder = await start(store, 'session-8')
  const again = await store.open(sampleSubject('session-8'))
  t.deepEqual(again, { ok: false, error: { reason: 'write_failed' } })
  await recorder.close(end)
  t.deepEqual((await readdir(folder)).sort(), ['session-8.ztrec', 'session-8.ztrec.manifest'])
})

test('S11 T61: after kill -9 the next start signs what is there as incomplete', async (t) => {
  const folder = await freshFolder(t)
  const keys = await freshFolder(t)
  const alice = await makeRecipient()
  const evidenceKey = makeEvidenceKeyObject()
  const keyFile = join(keys, 'evidence.key')
  await writeFile(keyFile, evidenceKey.export({ type: 'pkcs8', format: 'pem' }))
  const script = join(import.meta.dirname, '../../support/recording-process.js')
  const database = join(keys, 'zt.db')
  const child = spawn(process.execPath, [script, folder, printRecipient(alice), keyFile, database])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  await appendFile(join(folder, 'killed-session.ztrec'), Buffer.of(1, 0, 0, 0)) // a torn write

  const unsigned = await verify(folder, 'killed-session.ztrec', [alice])
  t.is(unsigned.status, 'incomplete')
  const reopened = openSqliteStore({ path: database, now: Date.now, onWriteError: () => {} })
  if (!reopened.ok) throw new Error(reopened.error.message)
  t.teardown(() => reopened.value.close())
  const { recordings: rows, audit: lines } = reopened.value
  t.is(rows.get('killed-session')?.state, 'open', 'as the process left it')
  const audit = openAuditLog(lines, Date.now)
  const { evidenceJwk, store } = await openSampleStore(folder, { evidenceKey, rows, audit })
  const row = rows.get('killed-session')
  const entries = [...audit.lines(audit.head.size)].map((line) => parseEntry(line))
  t.deepEqual(
    entries.map((entry) => [entry?.kind, entry?.about['state']]),
    [
      ['recording_opened', undefined],
      ['recording_closed', 'incomplete'],
    ],
  )
  t.is(row?.state, 'incomplete')
  t.is(row?.userEmail, 'alice@example.com')
  const verdict = await verify(folder, 'killed-session.ztrec', [alice], [evidenceJwk])
  t.is(verdict.status, 'incomplete')
  t.is(verdict.signed?.manifest.gaps[0]?.discardedBytes, 4)
  t.is(await store.closeInterrupted(), 0, 'once is enough')
  const { frames } = await readAll(await readFile(join(folder, 'killed-session.ztrec')), [alice])
  t.true(JSON.stringify(frames).includes('sleep 1000'))
})

test('S11: a start finds a manifest whose row was lost, and a file without a head', async (t) => {
  const folder = await freshFolder(t)
  const first = await openSampleStore(folder)
  const recorder = await start(first.store, 'session-9')
  const open = first.rows.get('session-9')
  await recorder.close(end)
  if (open) first.rows.put(open)
  await writeFile(join(folder, 'session-10.ztrec'), 'ZTREC1')
  await openSampleStore(folder, first)
  t.is(first.rows.get('session-9')?.state, 'complete')
  t.is(first.rows.get('session-10')?.state, 'incomplete')
  await unlink(join(folder, 'session-10.ztrec'))
})

test('S7: the row of a nested session names the session that it went on inside of', async (t) => {
  const { store, rows } = await openSampleStore(await freshFolder(t))
  const outer = await store.open(sampleSubject('session-1'))
  const inner = await store.open({ ...sampleSubject('session-2'), parent: 'session-1' })
  t.true(outer.ok && inner.ok)
  t.deepEqual(
    rows.list({ limit: 10, parent: 'session-1' }).map(({ id }) => id),
    ['session-2'],
  )
  t.deepEqual(
    rows.list({ limit: 10, parent: null }).map(({ id }) => id),
    ['session-1'],
  )
  for (const one of [outer, inner]) {
    if (one.ok) await one.value.close({ reason: 'closed', endedAtMs: 1 })
  }
})
