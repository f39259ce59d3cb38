/** The access log as it is written, for one reader: as fast as it reads, with a sign of life where nothing happens. */

import type { FlowRecord } from '../flow/flow-record.ts'
import type { FlowTap } from '../flow/flow-tap.ts'
import { accessLine } from './access-line.ts'
import { type AccessFilter, matches } from './access-query.ts'
import { type BacklogLimits, createBacklog } from './backlog.ts'

const LIMITS: BacklogLimits = { waiting: 1000, lost: 100_000 }
/** Half of what the listener takes for a dead connection would do; ms. */
const IDLE_MS = 5000

/** Starts at the first `next`, and ends when the reader leaves or is too slow. */
export async function* followAccess(
  tap: Pick<FlowTap, 'follow'>,
  filter: AccessFilter,
  { limits = LIMITS, idleMs = IDLE_MS } = {},
): AsyncGenerator<unknown> {
  const backlog = createBacklog<FlowRecord>(limits)
  let wake = (): void => undefined
  const stop = tap.follow((record) => {
    if (!isNews(record) || !matches(record, filter)) return
    backlog.add(record)
    wake()
  })
  try {
    yield { type: 'following' }
    for (;;) {
      const wasHopeless = backlog.isHopeless
      const next = backlog.take()
      if (next === undefined) {
        const isIdle = await quiet(idleMs, (listener) => {
          wake = listener
        })
        if (isIdle) yield { type: 'idle' }
      } else if ('type' in next) {
        yield next
        if (wasHopeless) return yield { type: 'end', reason: 'too_slow' }
      } else {
        yield accessLine(next)
      }
    }
  } finally {
    stop()
  }
}

/** A denial is final when it is closed; a permit is told when the target is dialled, and when it is over. */
function isNews({ state, dialled }: FlowRecord): boolean {
  return state === 'closed' || (state === 'decided' && dialled !== undefined)
}

/** @returns whether nothing woke it for so long. */
function quiet(idleMs: number, onWake: (listener: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), idleMs).unref()
    onWake(() => {
      clearTimeout(timer)
      resolve(false)
    })
  })
}
