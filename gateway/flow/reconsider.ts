/**
 * What a change means for the flows that are open: each is decided again, on its own destination and on what is known
 * about its device and user now.
 */
import { isDeepStrictEqual } from 'node:util'
import type { AccessChange } from '../access-change.ts'
import { withEvaluations } from '../facts/gather.ts'
import type { Decision, Permit } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Reason } from '../policy/reasons.ts'
import type { FlowTable, LiveFlow } from './flow-table.ts'

export type Reconsidering = {
  /** Decides whole: on the name, and on the address if it is known. */
  readonly decide: (facts: Facts) => Decision
  /** The facts as they are now, with answers of evaluators from before; undefined when the device or its user is gone. */
  readonly refresh: (flow: LiveFlow) => Facts | undefined
  /** The facts with what evaluators say of them; at once unless one has to be asked. Without it nobody is asked. */
  readonly gather?: (facts: Facts) => Facts | Promise<Facts>
}

/** How many flows were cut, and the facts of those for which an evaluator has to be asked first. */
export type Reconsidered = {
  readonly cut: number
  readonly asked: ReadonlyMap<string, Promise<Facts>>
}

/**
 * Cuts every flow that would not pass now, or would pass under other limits: limits bind a flow from its start.
 * A flow that is held hears of its new decision instead; one that is still to be decided takes the new facts along.
 * While an evaluator is asked, a permitted flow goes on as long as it passes by the answer from before.
 */
export function reconsiderFlows(
  table: FlowTable,
  flows: readonly LiveFlow[],
  deps: Reconsidering,
): Reconsidered {
  const asked = new Map<string, Promise<Facts>>()
  let cut = 0
  for (const flow of flows) {
    const facts = deps.refresh(flow)
    const gathered = facts && gatherFor(flow, facts, deps)
    const reason =
      gathered instanceof Promise
        ? cutReason(flow, facts && deps.decide(facts))
        : conclude(table, flow, gathered, deps)
    if (reason !== undefined) cut += table.cut(flow.id, reason) ? 1 : 0
    else if (gathered instanceof Promise) asked.set(flow.id, gathered)
  }
  return { cut, asked }
}

/** A flow that is still to be decided asks by itself. */
function gatherFor(flow: LiveFlow, facts: Facts, { gather }: Reconsidering) {
  return gather === undefined || flow.decision === undefined ? facts : gather(facts)
}

/**
 * Takes in what evaluators said of a flow, as `reconsiderFlows`.
 * @returns whether the flow was cut.
 */
export function takeEvaluations(
  table: FlowTable,
  id: string,
  { evaluations }: Facts,
  deps: Reconsidering,
): boolean {
  const flow = table.get(id)
  if (flow === undefined) return false
  const facts = deps.refresh(flow)
  const reason = conclude(table, flow, facts && withEvaluations(facts, evaluations), deps)
  return reason !== undefined && table.cut(id, reason)
}

/** Notes the decision on these facts. @returns why the flow is to be cut. */
function conclude(
  table: FlowTable,
  flow: LiveFlow,
  facts: Facts | undefined,
  { decide }: Reconsidering,
): Reason | undefined {
  const decision = facts && decide(facts)
  const reason = cutReason(flow, decision)
  if (reason === undefined && facts !== undefined && decision !== undefined) {
    table.update(flow.id, flow.decision === undefined ? { facts } : { facts, decision })
    flow.held?.(decision, facts)
  }
  return reason
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
