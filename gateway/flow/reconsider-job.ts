/** Decides live flows again: when somebody tells a change, and when the time of a decision is over. */
import type { Log } from '#lib/log'
import type { AccessChange } from '../access-change.ts'
import type { FlowTable, LiveFlow } from './flow-table.ts'
import {
  concernedFlows,
  type Reconsidering,
  reconsiderFlows,
  takeEvaluations,
} from './reconsider.ts'

export type ReconsiderationDeps = Reconsidering & {
  readonly table: FlowTable
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

export interface Reconsideration {
  /** Decides again what a change concerns, at once. @returns how many flows were cut. */
  tell(change: AccessChange): number
  /** As `tell`; resolves when evaluators that have to be asked were asked, and so everything is decided. */
  settle(change: AccessChange): Promise<void>
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
  /** By flow: the newest facts for which an evaluator is asked. Older ones are of no use any more. */
  const asked = new Map<string, Promise<void>>()

  function reconsider(flows: readonly LiveFlow[]): number {
    for (const { id } of flows) asked.delete(id)
    const reconsidered = reconsiderFlows(table, flows, deps)
    for (const [id, gathered] of reconsidered.asked) {
      const taken: Promise<void> = gathered.then((facts) => {
        if (asked.get(id) !== taken) return
        asked.delete(id)
        const isCut = takeEvaluations(table, id, facts, deps)
        if (isCut) log.info({ flowId: id }, 'flow ended by an evaluator')
        else atNextEnd([table.get(id)], now() / 1000)
      })
      asked.set(id, taken)
    }
    return reconsidered.cut
  }

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
    const cut = reconsider(due)
    if (cut > 0) log.info({ cutFlows: cut }, 'flows ended with their time')
    atNextEnd(table.list(), dueSeconds)
  }

  function atNextEnd(flows: readonly (LiveFlow | undefined)[], afterSeconds: number): void {
    let next = Number.POSITIVE_INFINITY
    for (const flow of flows) {
      const until = untilOf(flow ?? {})
      if (until > afterSeconds && until < next) next = until
    }
    if (next < Number.POSITIVE_INFINITY) at(next)
  }

  function tell(change: AccessChange): number {
    const cut = reconsider(concernedFlows(table, change))
    if (cut > 0) log.info({ ...change, cutFlows: cut }, 'flows ended by a change')
    // A decision that replaced another may run out earlier.
    atNextEnd(concernedFlows(table, change), now() / 1000)
    return cut
  }

  return {
    at,
    tell,
    async settle(change) {
      tell(change)
      await Promise.all(concernedFlows(table, change).map(({ id }) => asked.get(id)))
    },
    stop() {
      clearTimeout(timer)
      asked.clear()
    },
  }
}

function untilOf({ decision }: { readonly decision?: { readonly validUntilSeconds?: number } }) {
  return decision?.validUntilSeconds ?? Number.POSITIVE_INFINITY
}
