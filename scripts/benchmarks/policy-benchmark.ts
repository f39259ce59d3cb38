/**
 * Decisions of the policy engine at the size of a large organisation: how many a second, how long one takes, what the
 * compiled policy weighs, how long a reload takes. One thread, no socket.
 */
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { decodePolicy } from '../../gateway/config.ts'
import { pack, unpackInSteps } from '../../gateway/config-pieces-os.ts'
import type { LoadedConfig } from '../../gateway/config-store.ts'
import { inTurns } from '../../gateway/in-turns-job.ts'
import { type CompiledPolicy, compileInSteps, compilePolicy } from '../../gateway/policy/compile.ts'
import { decide, decideAddress } from '../../gateway/policy/evaluate.ts'
import type { Facts } from '../../gateway/policy/facts.ts'
import { factsAt, largePolicyText, type PolicySize } from '../lab/large-policy.ts'
import type { Report } from './report.ts'
import { median } from './statistics.ts'

const SIZE: PolicySize = { applications: 10_000, rules: 1000, identities: 100_000 }
const NOW_SECONDS = 1_800_000_010
const OWN = { addresses: [], ports: [] }
const MIB = 1024 * 1024
const LIMIT =
  'Memory sets the pace, not computing: asked for ten of the applications in turn, the same engine makes half as many decisions again.'

type Round = {
  readonly perSecond: number
  readonly p50Us: number
  readonly p99Us: number
  readonly reloadMs: number
  readonly heapMib: number
  readonly stopMs: number
}

/** Measures. @throws {Error} when the policy does not decode, or everything is decided alike: a bug of the benchmark. */
export async function benchPolicy(quick: boolean, log: (line: string) => void): Promise<Report> {
  const rounds = quick ? 2 : 5
  const decisions = quick ? 100_000 : 500_000
  const text = largePolicyText(SIZE)
  const asked = Array.from({ length: 20_000 }, (_, at) => questionAt(at))
  const all: Round[] = []
  for (let round = 0; round < rounds; round++) {
    all.push({ ...measure(text, asked, decisions), stopMs: await longestStop(text) })
    log(
      `round ${round + 1} of ${rounds}: ${Math.round(all.at(-1)?.perSecond ?? 0)} decisions a CPU second`,
    )
  }
  const series = (figure: (round: Round) => number) => ({ zt: all.map(figure) })
  const rate = series(({ perSecond }) => perSecond)
  const p99 = series(({ p99Us }) => p99Us)
  const stop = series(({ stopMs }) => stopMs)
  return {
    title: 'Policy',
    method: `${SIZE.applications} applications, ${SIZE.rules} network rules, ${SIZE.identities} identities in lists (${(text.length / MIB).toFixed(1)} MiB of text); ${decisions} decisions a round, half on the name, half on the address behind it; medians of ${rounds} rounds. Latency is by the wall clock, on a machine that does other things too.`,
    rows: [
      { work: 'decisions', unit: '1/CPU s', figures: rate },
      { work: 'one decision, p50', unit: 'µs', figures: series(({ p50Us }) => p50Us) },
      { work: 'one decision, p99', unit: 'µs', figures: p99 },
      {
        work: 'reload: decode and compile',
        unit: 'ms',
        figures: series(({ reloadMs }) => reloadMs),
      },
      { work: 'reload: longest stop of the event loop', unit: 'CPU ms', figures: stop },
      { work: 'compiled policy in memory', unit: 'MiB', figures: series(({ heapMib }) => heapMib) },
    ],
    bars: [
      {
        ...{ name: 'decisions a CPU second', figure: median(rate.zt), bar: 100_000 },
        ...{ sense: 'at_least', limit: LIMIT },
      },
      { name: 'one decision, p99 in µs', figure: median(p99.zt), bar: 50, sense: 'at_most' },
      { name: 'stop by a reload in CPU ms', figure: median(stop.zt), bar: 100, sense: 'at_most' },
    ],
  }
}

function measure(text: string, asked: readonly Facts[], decisions: number): Omit<Round, 'stopMs'> {
  const before = heapAfterCollection()
  const began = performance.now()
  const policy = load(text)
  const reloadMs = performance.now() - began
  const heapMib = (heapAfterCollection() - before) / MIB
  checkMixed(policy, asked)
  const startedAt = process.cpuUsage()
  for (let at = 0; at < decisions; at++) decideOne(policy, asked, at)
  const { user, system } = process.cpuUsage(startedAt)
  const perSecond = (decisions / (user + system)) * 1_000_000
  const took = new Float64Array(decisions)
  for (let at = 0; at < decisions; at++) {
    const from = performance.now()
    decideOne(policy, asked, at)
    took[at] = (performance.now() - from) * 1000
  }
  took.sort()
  const quantile = (part: number) => took[Math.floor(part * decisions)] ?? Number.NaN
  return { perSecond, p50Us: quantile(0.5), p99Us: quantile(0.99), reloadMs, heapMib }
}

/** What a reload holds up at most, from the message of the thread that reads to the policy in force, CPU ms. */
async function longestStop(text: string): Promise<number> {
  const read = decodePolicy(text, 'large.yaml')
  if (!read.ok) throw new Error(`the policy has mistakes: ${read.error[0]?.message}`)
  // Only the policy is large.
  const packed = pack({ ok: true, value: { policy: read.value } as LoadedConfig })
  let done = false
  const reload = async (): Promise<void> => {
    const loaded = await inTurns(unpackInSteps(packed))
    if (!loaded.ok) throw new Error('unpacking turned it into mistakes')
    await inTurns(compileInSteps(loaded.value.policy, { revision: 2, own: OWN }))
    done = true
  }
  const reloaded = reload()
  let longestMs = 0
  while (!done) {
    const startedAt = process.cpuUsage()
    await setImmediate()
    const { user, system } = process.cpuUsage(startedAt)
    longestMs = Math.max(longestMs, (user + system) / 1000)
  }
  await reloaded
  return longestMs
}

function load(text: string): CompiledPolicy {
  const decoded = decodePolicy(text, 'large.yaml')
  if (!decoded.ok) throw new Error(`the policy has mistakes: ${decoded.error[0]?.message}`)
  return compilePolicy(decoded.value, { revision: 1, own: OWN })
}

function decideOne(policy: CompiledPolicy, asked: readonly Facts[], at: number) {
  const facts = asked[at % asked.length]
  if (facts === undefined) throw new Error('nobody asks')
  const onName = facts.destination.address === undefined
  return (onName ? decide : decideAddress)(policy, facts, NOW_SECONDS)
}

/** Half of the questions are about a name, half about the address behind it. */
function questionAt(at: number): Facts {
  const facts = factsAt(at, SIZE)
  if (at % 2 === 0) return facts
  const address = `10.${(at >> 8) % 40}.${at % 256}.5`
  return { ...facts, destination: { ...facts.destination, address } }
}

/** Warms up, and makes sure that permits and denials are both among what is measured. */
function checkMixed(policy: CompiledPolicy, asked: readonly Facts[]): void {
  const kinds = asked.map((_, at) => decideOne(policy, asked, at).kind)
  const permits = kinds.filter((kind) => kind === 'permit').length
  if (permits < kinds.length / 20 || permits > (kinds.length * 19) / 20) {
    throw new Error(`${permits} of ${kinds.length} are permits: this measures one path only`)
  }
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
