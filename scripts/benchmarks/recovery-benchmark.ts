/**
 * `scripts/bench recovery`: from the end of what took the network away until a new connection carries data, seen by a
 * program on the laptop.
 */

import { LAPTOP_EVENTS, type LaptopEvent } from '../lab/laptop-events.ts'
import { startStreamTarget } from '../lab/live-flows.ts'
import { enrol } from '../lab/log-in.ts'
import { type Organisation, startOrganisation } from '../lab/organisation.ts'
import { streamPolicy, undergo } from '../lab/undergo.ts'
import type { Report } from './report.ts'
import { interleave } from './rounds.ts'
import { median, percentile, type Series } from './statistics.ts'

const ROUNDS = { full: 20, quick: 3 }
const BAR_MS = 3_000

/** The gateway comes back at once; drained, it would take as long as flows are open. */
const RESTART = { name: 'gateway crash', lastsMs: 0 }
const NAMES = ['sleep', 'sleep and move', 'link flap', 'address change']

/** Runs it. @throws {Error} when data does not pass again within 20 s. */
export async function benchRecovery(quick: boolean, log: (line: string) => void): Promise<Report> {
  const rounds = quick ? ROUNDS.quick : ROUNDS.full
  const organisation = await startOrganisation('namespaces', { hasLaptop: true })
  const target = await startStreamTarget(organisation, organisation.folder)
  try {
    const [person] = organisation.people
    if (person === undefined) throw new Error('nobody to enrol')
    await enrol(organisation, person)
    await organisation.applyPolicy(streamPolicy(organisation))
    const seen = await interleave(events(), rounds, (event) => once(organisation, event, log))
    return reportOf(seen, rounds)
  } finally {
    await target.stop()
    await organisation.close()
  }
}

function events(): readonly LaptopEvent[] {
  return LAPTOP_EVENTS.flatMap((event) => {
    if (event.name === RESTART.name) return [{ ...event, lastsMs: RESTART.lastsMs }]
    return NAMES.includes(event.name) ? [event] : []
  })
}

async function once(
  organisation: Organisation,
  event: LaptopEvent,
  log: (line: string) => void,
): Promise<number> {
  const { recoveredMs } = await undergo(organisation, event)
  log(`${event.name}: ${recoveredMs} ms`)
  return recoveredMs
}

function reportOf(seen: ReadonlyMap<string, Series>, rounds: number): Report {
  const all = [...seen]
  return {
    title: 'Recovery',
    method: `${rounds} rounds of each event, turn by turn, in three namespaces, Node ${process.version}. From the end of the event (SIGCONT, link up with its route, the new address, the gateway's word that it serves) until a connection that a program opens every 100 ms carries data; it may have been opened while the network was away.`,
    rows: all.map(([work, series]) => ({
      work,
      unit: 'ms',
      figures: { p50: [median(series)], p99: [percentile(series, 0.99)] },
    })),
    bars: all.map(([name, series]) => ({
      name: `${name}: p99 until data passes again, ms`,
      figure: percentile(series, 0.99),
      bar: BAR_MS,
      sense: 'at_most',
    })),
  }
}
