/**
 * What a change means for the flows that are open: each is decided again, on its own destination and on what is known
 * about its device and user now.
 */
import { isDeepStrictEqual } from 'node:util'
import type { AccessChange } from '../access-change.ts'
import type { Decision, Permit } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Reason } from '../policy/reasons.ts'
import type { FlowTable, LiveFlow } from './flow-table.ts'

export type Reconsidering = {
  /** Decides whole: on the name, and on the address if it is known. */
  readonly decide: (facts: Facts) => Decision
  /** The facts as they are now; undefined when the device or its user is gone. */
  readonly refresh: (flow: LiveFlow) => Facts | undefined
}

/**
 * Cuts every flow that would not pass now, or would pass under other limits: limits bind a flow from its start.
 * A flow that is held hears of its new decision instead; one that is still to be decided takes the new facts along.
 * @returns how many were cut.
 */
export function reconsiderFlows(
  table: FlowTable,
  flows: readonly LiveFlow[],
  { decide, refresh }: Reconsidering,
): number {
  let cut = 0
  for (const flow of flows) {
    const facts = refresh(flow)
    const decision = facts && decide(facts)
    const reason = cutReason(flow, decision)
    if (reason !== undefined) cut += table.cut(flow.id, reason) ? 1 : 0
    else if (facts !== undefined && decision !== undefined) {
      table.update(flow.id, flow.decision === undefined ? { facts } : { facts, decision })
      flow.held?.(decision, facts)
    }
  }
  return cut
}

function cutReason(flow: LiveFlow, now: Decision | undefined): Reason | undefined {
  if (now === undefined) return 'device_unknown'
  const was = flow.decision
  if (flow.held !== undefined || was === undefined) return undefined
  if (now.kind === 'denial') return now.reason
  return was.kind === 'permit' && isSame(was, now) ? undefined : 'policy_changed'
}

function isSame(was: Permit, now: Permit): boolean {
  return (
    was.idleTimeoutMs === now.idleTimeoutMs && isDeepStrictEqual(was.enforcement, now.enforcement)
  )
}

/** The live flows that a change may concern. */
export function concernedFlows(table: FlowTable, change: AccessChange): readonly LiveFlow[] {
  switch (change.kind) {
    case 'device':
      return table.ofDevice(change.deviceId)
    case 'user':
      return table.list().filter(({ userId }) => userId === change.userId)
    case 'service':
      return table.list().filter(({ facts }) => facts.subject.service?.tokenId === change.tokenId)
    case 'application':
      return table.list().filter(({ decision }) => decision?.application === change.application)
    case 'everything':
      return table.list()
  }
}
