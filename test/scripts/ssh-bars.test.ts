import test from 'ava'
import type { Row } from '../../scripts/benchmarks/report.ts'
import { LOGIN, sshBars, WAY } from '../../scripts/benchmarks/ssh-bars.ts'
import { holds } from '../../scripts/benchmarks/statistics.ts'

const transfers = ['get', 'put', 'sftp get', 'sftp put']
const everyWay = (value: number) =>
  Object.fromEntries(Object.values(WAY).map((way) => [way, [value]]))
const rows: readonly Row[] = [
  ...transfers.map((work): Row => ({ work, unit: 'MiB/s', figures: everyWay(100) })),
  ...transfers.map(
    (work): Row => ({ work: `${work}, CPU of the hop`, unit: 's/GB', figures: everyWay(1) }),
  ),
  { work: LOGIN.p50, unit: 'ms', figures: everyWay(100) },
  { work: LOGIN.failures, unit: 'count', figures: { ...everyWay(0), [WAY.path]: [1] } },
]

test('bars of ssh: alike everywhere misses those that ask for more than ssh -J', (t) => {
  const missed = sshBars(rows, 10).filter((bar) => !holds(bar))
  t.deepEqual(
    missed.map(({ name }) => name),
    [
      ...transfers.map((work) => `${work}: ${WAY.hop} × ${WAY.jump}`),
      `${LOGIN.p50}: ${WAY.hop} × ${WAY.jump}`,
      `${LOGIN.p50}: ${WAY.path} × ${WAY.jump}`,
      `${LOGIN.failures}: ${WAY.path}`,
    ],
  )
})

test('bars of ssh: refused when a work or a peer was not measured', (t) => {
  t.throws(() => sshBars(rows.slice(1), 10), { message: /not measured: get/ })
})
