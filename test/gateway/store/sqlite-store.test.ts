import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import Database from 'better-sqlite3'
import { MIGRATIONS, type Migration } from '../../../gateway/store/migration-plan.ts'
import { openSqliteStore, type SqliteOptions } from '../../../gateway/store/sqlite-store.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { watchStore } from '../../../gateway/store/store-watch-job.ts'
import { device, LOGIN } from '../../contract/store-contract.ts'
import { sampleFacts } from '../../support/sample-facts.ts'

const WRITER = fileURLToPath(new URL('../../support/store-writer-process.js', import.meta.url))
const NEXT: Migration = {
  number: MIGRATIONS.length + 1,
  name: 'more',
  sql: 'CREATE TABLE more (id TEXT) STRICT;',
}

function databasePath(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'zt-store-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  return join(dir, 'zt.db')
}

function open(path: string, change: Partial<SqliteOptions> = {}) {
  const onWriteError = (error: unknown) => {
    throw error
  }
  return openSqliteStore({ path, now: () => 1, onWriteError, ...change })
}

function openOk(path: string, change: Partial<SqliteOptions> = {}): Store {
  const opened = open(path, change)
  if (!opened.ok) throw new Error(opened.error.message)
  return opened.value
}

const flow = (id: string) => ({ id, state: 'opened', openedAtMs: 1, facts: sampleFacts() }) as const

test('the files of a store are readable by their owner only', (t) => {
  const path = databasePath(t)
  const store = openOk(path)
  t.teardown(() => store.close())
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    t.is(statSync(file).mode & 0o777, 0o600, file)
  }
})

test('what was written is there after a restart', (t) => {
  const path = databasePath(t)
  const store = openOk(path)
  store.flows.put(flow('a'))
  store.revisions.add('text', 'digest', 1)
  store.devices.insert(device(store.users.upsert(LOGIN).id))
  const found = { kind: 'firewall', enabled: true } as const
  const observation = { name: 'fw', kind: 'firewall', lookAt: [], observedAtMs: 5, found }
  store.posture.put('device-1', [observation])
  store.close()
  const again = openOk(path)
  t.teardown(() => again.close())
  t.is(again.flows.get('a')?.id, 'a')
  t.deepEqual(again.posture.get('device-1'), [observation])
  t.is(again.revisions.latest()?.revision, 1)
})

test('E9: kill -9 in the middle of writes leaves an intact store with all it acknowledged', async (t) => {
  const path = databasePath(t)
  const writer = spawn(process.execPath, [WRITER, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(writer, 'exit')
  const acknowledged: string[] = []
  for await (const line of createInterface({ input: writer.stdout })) {
    acknowledged.push(line)
    if (acknowledged.length === 40) writer.kill('SIGKILL')
  }
  const [, signal] = await exited
  t.is(signal, 'SIGKILL')

  const db = new Database(path)
  t.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }])
  t.deepEqual(db.pragma('foreign_key_check'), [])
  db.close()
  const store = openOk(path)
  t.teardown(() => store.close())
  const devices = new Set(store.devices.list().map((device) => device.id))
  t.deepEqual(
    acknowledged.filter((id) => !devices.has(id)),
    [],
  )
  t.true(store.flows.list({ limit: 1 }).length > 0)
})

test('refuses a store whose history differs, and leaves it as it is', (t) => {
  const path = databasePath(t)
  openOk(path).close()
  const [first] = MIGRATIONS
  const edited = { number: 1, name: 'first-tables', sql: `${first?.sql} -- edited` }
  const opened = open(path, { migrations: [edited, NEXT] })
  t.like(opened, { ok: false, error: { reason: 'schema_differs' } })
  if (!opened.ok) t.regex(opened.error.message, /change 1 \(first-tables\).*checksum differs/)
  t.notThrows(() => openOk(path).close())
})

test('refuses a store that is ahead of this program', (t) => {
  const path = databasePath(t)
  openOk(path, { migrations: [...MIGRATIONS, NEXT] }).close()
  const opened = open(path)
  t.like(opened, { ok: false, error: { reason: 'schema_newer' } })
  if (!opened.ok) t.regex(opened.error.message, /change \d+ \(more\).*newer zt-gateway/)
})

test('a change that fails leaves the schema as it was', (t) => {
  const path = databasePath(t)
  openOk(path).close()
  const broken = {
    number: MIGRATIONS.length + 2,
    name: 'broken',
    sql: 'CREATE TABLE half (id TEXT); nonsense;',
  }
  t.throws(() => open(path, { migrations: [...MIGRATIONS, NEXT, broken] }), { any: true })
  const db = new Database(path, { readonly: true })
  t.teardown(() => db.close())
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE name IN ('more', 'half')").all()
  t.deepEqual(tables, [])
})

test('refuses a file that is no database', (t) => {
  const path = databasePath(t)
  writeFileSync(path, 'this is not a database, and long enough to say so '.repeat(50))
  t.throws(() => open(path), { any: true, code: 'SQLITE_NOTADB' })
})

test('G11: flow records wait together, are written in time, and at once when they are many', async (t) => {
  const path = databasePath(t)
  const store = openOk(path, { buffering: { flushAfterMs: 30, flushRows: 3 } })
  t.teardown(() => store.close())
  const db = new Database(path, { readonly: true })
  t.teardown(() => db.close())
  const written = () => db.prepare('SELECT count(*) AS n FROM flows').pluck().get()
  store.flows.put(flow('a'))
  store.flows.put(flow('b'))
  t.is(written(), 0)
  store.flows.put(flow('c'))
  t.is(written(), 3)
  store.flows.put(flow('d'))
  await new Promise<void>((resolve) => {
    const poll = setInterval(() => {
      if (written() !== 4) return
      clearInterval(poll)
      resolve()
    }, 10)
  })
  t.is(written(), 4)
})

test('G11: while the disk refuses, records are kept and no new flow opens beyond the limit', (t) => {
  const path = databasePath(t)
  const errors: unknown[] = []
  const store = openOk(path, {
    buffering: { flushAfterMs: 10_000, flushRows: 2, keepRows: 3 },
    onWriteError: (error) => errors.push(error),
  })
  const db = new Database(path)
  t.teardown(() => db.close())
  db.exec(`CREATE TRIGGER full BEFORE INSERT ON flows BEGIN SELECT raise(ABORT, 'disk full'); END`)
  for (const id of ['a', 'b', 'c']) store.flows.put(flow(id))
  t.is(errors.length, 1)
  t.throws(() => store.flows.put(flow('d')), { message: 'flow records cannot be written' })
  t.notThrows(() => store.flows.put({ ...flow('a'), state: 'closed' }))
  db.exec('DROP TRIGGER full')
  store.close()
  const again = openOk(path)
  t.teardown(() => again.close())
  t.is(again.flows.get('a')?.state, 'closed')
  t.is(again.flows.list({ limit: 9 }).length, 3)
})

test('G11: a store that cannot write its last rows writes the others, closes, and tries no more', async (t) => {
  const path = databasePath(t)
  let errors = 0
  const store = openOk(path, { buffering: { flushAfterMs: 5 }, onWriteError: () => errors++ })
  const db = new Database(path)
  t.teardown(() => db.close())
  db.exec(`CREATE TRIGGER full BEFORE INSERT ON flows BEGIN SELECT raise(ABORT, 'disk full'); END`)
  store.devices.insert(device(store.users.upsert(LOGIN).id))
  store.flows.put(flow('a'))
  store.posture.put('device-1', [])
  t.throws(() => store.close(), { any: true, message: 'disk full' })
  store.posture.put('device-1', [])
  // Ten times as long as a try would wait.
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.is(errors, 0)
  t.deepEqual(db.prepare('SELECT device_id FROM posture').pluck().all(), ['device-1'])
  t.notThrows(() => store.close())
})

test('G10: a device that was read before shows a revocation by another process at once', (t) => {
  const path = databasePath(t)
  const [store, other] = [openOk(path), openOk(path)]
  for (const one of [store, other]) t.teardown(() => one.close())
  const { id: userId } = store.users.upsert(LOGIN)
  store.devices.insert(device(userId))
  t.is(store.devices.get('device-1')?.revokedAtMs, undefined)
  other.devices.update('device-1', { revokedAtMs: 6 })
  t.is(store.devices.get('device-1')?.revokedAtMs, 6)
  t.deepEqual(store.users.get(userId)?.groups, LOGIN.groups)
  other.users.upsert({ ...LOGIN, groups: [] })
  t.deepEqual(store.users.get(userId)?.groups, [])
})

test('G10: a write of another process is noticed, one of our own is not', async (t) => {
  const path = databasePath(t)
  const [ours, theirs] = [openOk(path), openOk(path)]
  for (const one of [ours, theirs]) t.teardown(() => one.close())
  const noticed = new Promise<void>((resolve) => {
    const stop = watchStore(() => ours.foreignVersion(), resolve)
    t.teardown(stop)
  })
  const before = ours.foreignVersion()
  ours.revocations.put({ scope: 'user:u', notBeforeMs: 1 })
  t.is(ours.foreignVersion(), before)
  theirs.revocations.put({ scope: 'user:u', notBeforeMs: 2 })
  t.not(ours.foreignVersion(), before)
  await t.notThrowsAsync(noticed)
})
