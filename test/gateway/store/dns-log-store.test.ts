import test from 'ava'
import Database from 'better-sqlite3'
import { memoryDnsLog } from '../../../gateway/store/memory-dns-log-store.ts'
import { MIGRATIONS } from '../../../gateway/store/migration-plan.ts'
import { sqliteDnsLog } from '../../../gateway/store/sqlite-dns-log-store.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { question } from '../../contract/store-contract.ts'

const MOST_LINES = 3

function sqlite(onWriteError: (error: unknown) => void = () => undefined) {
  const db = new Database(':memory:')
  for (const { sql } of MIGRATIONS) db.exec(sql)
  return { db, log: sqliteDnsLog(db, 'default', { flushAfterMs: 5, onWriteError }, MOST_LINES) }
}

const LOGS: Readonly<Record<string, () => Store['dnsLog']>> = {
  SQLite: () => sqlite().log,
  memory: () => memoryDnsLog(MOST_LINES),
}
for (const [title, open] of Object.entries(LOGS)) {
  test(`G12: the oldest lines make room: ${title}`, (t) => {
    const log = open()
    for (const name of ['a', 'b', 'c', 'd', 'e']) log.add(question(name, 1))
    t.deepEqual(
      log.list({ limit: 9 }).map(({ name, sequence }) => `${name}${sequence}`),
      ['e5', 'd4', 'c3'],
    )
  })
}

for (const [title, open] of Object.entries(LOGS)) {
  test(`G12: a device that asks a lot pushes out no line but its own: ${title}`, (t) => {
    const log = open()
    const names = () => log.list({ limit: 9 }).map(({ name }) => name)
    const of = (deviceId: string) => (name: string) => log.add({ ...question(name, 1), deviceId })
    of('quiet')('a')
    for (const name of ['1', '2', '3', '4']) of('noisy')(name)
    t.deepEqual(names(), ['4', '3', 'a'])
    for (const name of ['5', '6']) of('noisy')(name)
    t.deepEqual(names(), ['6', '5', 'a'])
    for (const name of ['b', 'c', 'd']) of('other')(name)
    t.deepEqual(names(), ['d', '6', 'a'], 'now there is one for each')
  })
}

test('G12: a log counts on from the lines that it finds, and those that were removed make room', (t) => {
  const { db, log } = sqlite()
  for (const name of ['a', 'b', 'c']) log.add({ ...question(name, 1), deviceId: 'noisy' })
  log.list({ limit: 1 })
  const options = { flushAfterMs: 5, onWriteError: () => undefined }
  const again = sqliteDnsLog(db, 'default', options, MOST_LINES)
  const names = () => again.list({ limit: 9 }).map(({ name }) => name)
  again.remove([1])
  again.add({ ...question('d', 2), deviceId: 'quiet' })
  t.deepEqual(names(), ['d', 'c', 'b'])
  again.remove([2, 3, 17])
  for (const name of ['e', 'f']) again.add({ ...question(name, 3), deviceId: 'noisy' })
  t.deepEqual(names(), ['f', 'e', 'd'])
})

test('G12: lines wait while the disk refuses, and are tried again', async (t) => {
  const { db, log } = await new Promise<ReturnType<typeof sqlite>>((resolve) => {
    const opened = sqlite(() => {
      opened.db.pragma('query_only = OFF')
      resolve(opened)
    })
    opened.db.pragma('query_only = ON')
    opened.log.add(question('a', 1))
    // The timer of the log holds no process.
    setTimeout(() => undefined, 1_000)
  })
  t.is(db.prepare('SELECT count(*) FROM dns_log').pluck().get(), 0)
  t.deepEqual(
    log.list({ limit: 9 }).map(({ name }) => name),
    ['a'],
  )
})

test('G12: lines are tried again though a reader could not have them written either', async (t) => {
  await new Promise<void>((resolve) => {
    const { db, log } = sqlite(() => resolve())
    db.pragma('query_only = ON')
    log.add(question('a', 1))
    t.throws(() => log.list({ limit: 9 }), { any: true, code: 'SQLITE_READONLY' })
    // The timer of the log holds no process.
    setTimeout(() => undefined, 1_000)
  })
})
