/** Decides live flows again: when somebody tells a change, and when the time of a decision is over. */
import type { Log } from '#lib/log'
import type { AccessChange } from '../access-change.ts'
import type { FlowTable, LiveFlow } from './flow-table.ts'
import { concernedFlows, type Reconsidering, reconsiderFlows } from './reconsider.ts'

export type ReconsiderationDeps = Reconsidering & {
  readonly table: FlowTable
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

export interface Reconsideration {
  /** Decides again what a change concerns, at once. @returns how many flows were cut. */
  tell(change: AccessChange): number
  /** Has the flows that are due decided again at this time, Unix seconds. */
  at(seconds: number): void
  stop(): void
}

/** Longest delay of a timer, ms: above it, node fires at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

export function startReconsideration(deps: ReconsiderationDeps): Reconsideration {
  const { table, log, now } = deps
  let nextAtMs = Number.POSITIVE_INFINITY
  let timer: NodeJS.Timeout | undefined

  function at(seconds: number): void {
    if (seconds * 1000 >= nextAtMs) return
    nextAtMs = seconds * 1000
    clearTimeout(timer)
    timer = setTimeout(fire, Math.min(Math.max(nextAtMs - now(), 0), LONGEST_DELAY_MS))
  }

  function fire(): void {
    nextAtMs = Number.POSITIVE_INFINITY
    const dueSeconds = now() / 1000
    const due = table.list().filter((flow) => untilOf(flow) <= dueSeconds)
    const cut = reconsiderFlows(table, due, deps)
    if (cut > 0) log.info({ cutFlows: cut }, 'flows ended with their time')
    atNextEnd(table.list(), dueSeconds)
  }

  function atNextEnd(flows: readonly LiveFlow[], afterSeconds: number): void {
    let next = Number.POSITIVE_INFINITY
    for (const flow of flows) {
      const until = untilOf(flow)
      if (until > afterSeconds && until < next) next = until
    }
    if (next < Number.POSITIVE_INFINITY) at(next)
  }

  return {
    at,
    tell(change) {
      const cut = reconsiderFlows(table, concernedFlows(table, change), deps)
      if (cut > 0) log.info({ ...change, cutFlows: cut }, 'flows ended by a change')
      // A decision that replaced another may run out earlier.
      atNextEnd(concernedFlows(table, change), now() / 1000)
      return cut
    },
    stop: () => clearTimeout(timer),
  }
}

function untilOf({ decision }: { readonly decision?: { readonly validUntilSeconds?: number } }) {
  return decision?.validUntilSeconds ?? Number.POSITIVE_INFINITY
}
