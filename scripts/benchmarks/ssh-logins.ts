/**
 * `ssh host true` arriving by the clock on each way in turn.
 */
import { run } from '../lab/child-process.ts'
import { type Arrivals, type OpenLoop, openLoop } from './open-loop.ts'
import { cpuSeconds } from './process-cost.ts'
import type { Row } from './report.ts'
import { figuresOf, interleave } from './rounds.ts'
import { LOGIN } from './ssh-bars.ts'
import { forgetRecordings, type Way } from './ssh-ways.ts'
import { percentile } from './statistics.ts'

export type LoginSizes = Arrivals & { readonly rounds: number }

/** One that takes longer has failed: OpenSSH's own default for a login is 120 s, people's patience is less. */
const TIMEOUT_MS = 30_000

type Turn = OpenLoop & { readonly cpuMs: number }

/** Latencies, failures and CPU of the hop per connection. */
export async function measureLogins(
  ways: readonly Way[],
  sizes: LoginSizes,
): Promise<readonly Row[]> {
  const turns = await interleave(ways, sizes.rounds, (way) => turn(way, sizes))
  const hops = new Map(
    [...turns].filter(([name]) => ways.some((way) => way.name === name && way.hop !== undefined)),
  )
  const pooled = (figure: (all: readonly Turn[]) => number) =>
    Object.fromEntries([...turns].map(([name, all]) => [name, [figure(all)]]))
  return [
    {
      work: LOGIN.p50,
      unit: 'ms',
      figures: figuresOf(turns, ({ latenciesMs }) => percentile(latenciesMs, 0.5)),
    },
    {
      work: LOGIN.p99,
      unit: 'ms',
      figures: pooled((all) =>
        percentile(
          all.flatMap(({ latenciesMs }) => latenciesMs),
          0.99,
        ),
      ),
    },
    {
      work: LOGIN.failures,
      unit: 'count',
      figures: pooled((all) => all.reduce((sum, { failures }) => sum + failures, 0)),
    },
    { work: LOGIN.cpu, unit: 'ms', figures: figuresOf(hops, ({ cpuMs }) => cpuMs) },
  ]
}

async function turn(way: Way, arrivals: Arrivals): Promise<Turn> {
  forgetRecordings(way)
  const pids = way.hop === undefined ? [] : [way.hop.pid]
  const before = cpuSeconds(pids)
  const loop = await openLoop(arrivals, async () => {
    const argv = ['ssh', '-F', way.configFile, way.host, 'true']
    return (await run(argv, { timeoutMs: TIMEOUT_MS })).code === 0
  })
  const connections = arrivals.perSecond * arrivals.seconds
  return { ...loop, cpuMs: ((cpuSeconds(pids) - before) * 1000) / connections }
}
