/**
 * What a new policy means for the flows that are open: each is decided again on the facts it has.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Decision } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { FlowTable, LiveFlow } from './flow-table.ts'

/** Decides on facts under one policy. */
export type Decide = (facts: Facts) => Decision

/**
 * Cuts every flow that would not pass now, or would pass under other limits: limits bind a flow from its start.
 * @param before the policy under which the flows were last decided.
 * @param after the policy now in force.
 * @returns how many were cut.
 */
export function recheckFlows(table: FlowTable, before: Decide, after: Decide): number {
  let cut = 0
  for (const flow of table.list()) {
    const now = after(flow.facts)
    const reason = cutReason(flow, before, now)
    if (reason !== undefined) cut += table.cut(flow.id, reason) ? 1 : 0
    else table.update(flow.id, { revision: now.revision })
  }
  return cut
}

function cutReason(flow: LiveFlow, before: Decide, now: Decision): string | undefined {
  if (now.kind === 'denial') return now.reason
  const was = before(flow.facts)
  const isSame =
    was.kind === 'permit' &&
    was.idleTimeoutMs === now.idleTimeoutMs &&
    isDeepStrictEqual(was.enforcement, now.enforcement)
  return isSame ? undefined : 'policy_changed'
}
