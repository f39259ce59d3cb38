/**
 * Writes to the store at argv[2] until it is killed: a user and a device each round, and a burst of flow records.
 * Prints the id of each device once the store has taken it.
 */
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { sampleFacts } from './sample-facts.ts'

const opened = openSqliteStore({
  path: process.argv[2] ?? '',
  now: Date.now,
  onWriteError: (error) => {
    throw error
  },
  buffering: { flushAfterMs: 1, flushRows: 50 },
})
if (!opened.ok) throw new Error(opened.error.message)
const store = opened.value

function round(n: number): void {
  const user = store.users.upsert({
    provider: 'corp',
    providerSubject: `sub-${n % 10}`,
    email: 'ann@example.com',
    name: 'Ann',
    groups: ['engineers'],
    claims: {},
    login: { atMs: n },
  })
  const id = `device-${n}`
  const device = { id, userId: user.id, name: 'laptop', keySha256: 'k' }
  store.devices.insert({ ...device, enrolledAtMs: n, login: { atMs: n } })
  for (let flow = 0; flow < 60; flow++) {
    store.flows.put({
      id: `${n}-${flow}`,
      state: 'opened',
      openedAtMs: n,
      facts: sampleFacts(),
    })
  }
  process.stdout.write(`${id}\n`)
  setImmediate(round, n + 1)
}
round(1)
