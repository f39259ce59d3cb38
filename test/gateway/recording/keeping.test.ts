import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { parseEntry } from '#lib/audit/audit-entry'
import { openErasure } from '#lib/recording/erasure'
import { openAuditLog } from '../../../gateway/audit/audit-log-store.ts'
import { evidenceSigner } from '../../../gateway/audit/evidence-signer.ts'
import { openKeeping } from '../../../gateway/recording/keeping-store.ts'
import { RecordingFolder } from '../../../gateway/recording/recording-folder-store.ts'
import { startRetention } from '../../../gateway/recording/retention-job.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { openSampleStore, SILENT, sampleSubject } from '../../support/recording-store.ts'

const DAY_MS = 86_400_000
const STARTED_AT_MS = sampleSubject('session-1').startedAtMs

/** Two recordings that ended, the second a day after the first. */
async function scene(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'zt-keeping-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const { recordings: rows, audit: lines } = openMemoryStore()
  const audit = openAuditLog(lines, () => 1)
  const made = await openSampleStore(folder, { rows, audit })
  for (const [day, id] of ['session-1', 'session-2'].entries()) {
    const startedAtMs = STARTED_AT_MS + day * DAY_MS
    const opened = await made.store.open({ ...sampleSubject(id), startedAtMs })
    if (!opened.ok) throw new Error(opened.error.reason)
    opened.value.data(0, 'output', Buffer.from('what was said'))
    await opened.value.close({ reason: 'closed', endedAtMs: startedAtMs + 1000 })
  }
  const signer = await evidenceSigner(made.evidenceKey)
  const shelf = await RecordingFolder.open(folder)
  const keeping = openKeeping({ folder: shelf, rows, audit, signer, log: SILENT, now: () => 5 })
  const kinds = () => [...audit.lines(audit.head.size)].map((line) => parseEntry(line)?.kind)
  return { ...made, folder, rows, audit, keeping, kinds, at: (name: string) => join(folder, name) }
}

test('S9: shredding destroys the keys in place, then the file; manifest and statement stay', async (t) => {
  const { keeping, at, folder, rows, kinds, evidenceJwk } = await scene(t)
  // Who still has the file open sees what became of its blocks.
  const block = await open(at('session-1.ztrec'), 'r')
  t.teardown(() => block.close())
  const done = await keeping.shred('session-1', { reason: 'erasure request', source: '192.0.2.1' })
  t.true(done.ok)
  const { buffer, bytesRead } = await block.read(Buffer.alloc(200_000), 0, 200_000, 0)
  t.true(bytesRead > 0)
  t.true(buffer.subarray(0, bytesRead).every((octet) => octet === 0))
  t.deepEqual((await readdir(folder)).sort(), [
    'session-1.ztrec.erased',
    'session-1.ztrec.manifest',
    'session-2.ztrec',
    'session-2.ztrec.manifest',
  ])
  t.like(rows.get('session-1')?.erased, { how: 'shredded', reason: 'erasure request' })
  t.is(kinds().at(-1), 'recording_shredded')
  const statement = await readFile(at('session-1.ztrec.erased'), 'utf8')
  const opened = await openErasure(statement, [evidenceJwk])
  t.like(opened.ok ? opened.value.statement : {}, { session: 'session-1', how: 'shredded' })
  t.deepEqual(await keeping.shred('session-1', { reason: 'x' }), {
    ...{ ok: false, error: 'recording_erased' },
  })
})

test('S9: what is held is neither shredded nor does it expire', async (t) => {
  const { keeping, rows, kinds } = await scene(t)
  t.true(keeping.hold('session-1', { reason: 'case 7' }).ok)
  const held = { ok: false, error: 'recording_held' } as const
  t.deepEqual(keeping.hold('session-1', { reason: 'again' }), held)
  t.deepEqual(await keeping.shred('session-1', { reason: 'x' }), held)
  t.is(await keeping.expire(STARTED_AT_MS + 2 * DAY_MS), 1)
  t.is(rows.get('session-1')?.erased, undefined)
  t.is(rows.get('session-2')?.erased?.how, 'expired')
  t.true(keeping.release('session-1', { reason: 'closed' }).ok)
  t.is(rows.get('session-1')?.hold, undefined)
  t.deepEqual(keeping.release('session-1', { reason: 'closed' }), {
    ...{ ok: false, error: 'recording_not_held' },
  })
  t.is(await keeping.expire(STARTED_AT_MS + 2 * DAY_MS), 1)
  t.deepEqual(kinds().slice(4), [
    ...['recording_held', 'recording_expired', 'recording_released', 'recording_expired'],
  ])
  t.deepEqual(keeping.hold('nobody', { reason: 'x' }), {
    ...{ ok: false, error: 'recording_unknown' },
  })
})

test('S9: recordings expire by their end, and those that go on do not', async (t) => {
  const { keeping, store, rows } = await scene(t)
  const open = await store.open(sampleSubject('session-3'))
  t.true(open.ok)
  const expired = new Promise<void>((resolve) => {
    const log = { ...SILENT, info: () => resolve() }
    const keepMs = DAY_MS
    t.teardown(startRetention({ keeping, keepMs, now: () => STARTED_AT_MS + 1.5 * DAY_MS, log }))
  })
  await expired
  t.is(rows.get('session-1')?.erased?.how, 'expired')
  t.is(rows.get('session-2')?.erased, undefined)
  t.is(rows.get('session-3')?.erased, undefined)
  t.deepEqual(await keeping.shred('session-3', { reason: 'x' }), {
    ...{ ok: false, error: 'recording_open' },
  })
  // A hold that came while the session went on outlives its end.
  t.true(keeping.hold('session-3', { reason: 'case 8' }).ok)
  if (open.ok) await open.value.close({ reason: 'closed', endedAtMs: 1 })
  t.is(rows.get('session-3')?.hold?.reason, 'case 8')
  t.is(rows.get('session-3')?.state, 'complete')
})

test('S9: a hold outlives a close that fails', async (t) => {
  const { folder, rows, audit, evidenceKey } = await scene(t)
  const note: typeof audit.note = (kind, about) => {
    if (kind === 'recording_closed') throw new Error('the store is full')
    audit.note(kind, about)
  }
  const { store } = await openSampleStore(folder, { rows, audit: { ...audit, note }, evidenceKey })
  const open = await store.open(sampleSubject('session-3'))
  const row = rows.get('session-3')
  if (!open.ok || row === undefined) throw new Error('not opened')
  rows.put({ ...row, hold: { atMs: 1, reason: 'case 9' } })
  await open.value.close({ reason: 'closed', endedAtMs: 1 })
  t.like(rows.get('session-3'), { state: 'incomplete', hold: { reason: 'case 9' } })
})

test('S9: a hold that comes while a shredding begins stops it', async (t) => {
  const { keeping, rows, kinds, at } = await scene(t)
  const shredding = keeping.shred('session-1', { reason: 'erasure request' })
  t.true(keeping.hold('session-1', { reason: 'case 10' }).ok)
  t.deepEqual(await shredding, { ok: false, error: 'recording_held' })
  t.like(rows.get('session-1'), { hold: { reason: 'case 10' }, erased: undefined })
  t.false(kinds().includes('recording_shredded'))
  t.true((await readFile(at('session-1.ztrec'))).includes('ZTREC1'))
})

test('S9 S10: what could not be overwritten is not said to be erased, and may be tried again', async (t) => {
  const { keeping, at, folder, rows, kinds } = await scene(t)
  await rename(at('session-1.ztrec'), at('away'))
  // Even root cannot write to a folder.
  await mkdir(at('session-1.ztrec'))
  const refused = await keeping.shred('session-1', { reason: 'erasure request' })
  t.deepEqual(refused, { ok: false, error: 'recording_not_erased' })
  t.is(rows.get('session-1')?.erased, undefined)
  t.deepEqual(kinds().slice(-2), ['recording_shredded', 'recording_not_erased'])
  t.false((await readdir(folder)).includes('session-1.ztrec.erased'))
  await rmdir(at('session-1.ztrec'))
  await rename(at('away'), at('session-1.ztrec'))
  t.true((await keeping.shred('session-1', { reason: 'erasure request' })).ok)
  t.true((await readdir(folder)).includes('session-1.ztrec.erased'))
})

test('S9: an expiry that fails again and again is audited once, and once more when it succeeds', async (t) => {
  const { keeping, at, rows, kinds } = await scene(t)
  await rename(at('session-1.ztrec'), at('away'))
  await mkdir(at('session-1.ztrec'))
  const expire = () => keeping.expire(STARTED_AT_MS + DAY_MS)
  for (const _ of [1, 2, 3]) t.is(await expire(), 0)
  const once = ['recording_expired', 'recording_not_erased'] as const
  t.deepEqual(kinds().slice(4), [...once])
  // Who orders it is told each time, and so is the log.
  await keeping.shred('session-1', { reason: 'erasure request' })
  t.deepEqual(kinds().slice(6), ['recording_shredded', 'recording_not_erased'])
  await rmdir(at('session-1.ztrec'))
  await rename(at('away'), at('session-1.ztrec'))
  t.is(await expire(), 1)
  t.deepEqual(kinds().slice(8), ['recording_expired'])
  t.is(rows.get('session-1')?.erased?.how, 'expired')
})

test('S9 T61: what a crash left of a shredded recording is destroyed at the next start', async (t) => {
  const { folder, rows, audit, at, evidenceKey, evidenceJwk } = await scene(t)
  const row = rows.get('session-1')
  if (row) rows.put({ ...row, erased: { atMs: 1, reason: 'x', how: 'shredded' } })
  await writeFile(at('unrelated'), '')
  await openSampleStore(folder, { rows, audit, evidenceKey })
  t.false((await readdir(folder)).includes('session-1.ztrec'))
  t.is(rows.get('session-1')?.erased?.how, 'shredded')
  const statement = await readFile(at('session-1.ztrec.erased'), 'utf8')
  t.like(await openErasure(statement, [evidenceJwk]), {
    ok: true,
    value: { statement: { session: 'session-1', reason: 'x', atMs: 1 } },
  })
})

test('S9 S10: what cannot be audited is not erased', async (t) => {
  const { folder, rows, at, evidenceKey } = await scene(t)
  const note = () => {
    throw new Error('the store is read only')
  }
  const signer = await evidenceSigner(evidenceKey)
  const shelf = await RecordingFolder.open(folder)
  const keeping = openKeeping({
    ...{ folder: shelf, rows, audit: { note }, signer, log: SILENT, now: () => 5 },
  })
  await t.throwsAsync(keeping.shred('session-1', { reason: 'x' }))
  t.true((await readFile(at('session-1.ztrec'))).includes('ZTREC1'))
})
