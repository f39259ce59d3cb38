/** The way of one flow from its first decision to its last octet. */
import type { Decision } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import { isInteractive } from '../prompt/hold.ts'
import { carryRelay } from './carry-server.ts'
import { carrySsh } from './carry-ssh-server.ts'
import type { FlowServerDeps } from './flow-deps.ts'
import type { LiveFlow } from './live-flow.ts'
import type { Missed } from './missed.ts'
import { reach } from './reach-server.ts'

/** Takes a flow that is in the table to its end. */
export async function carryFlow(live: LiveFlow, deps: FlowServerDeps): Promise<void> {
  const gathered = deps.gather?.(live.facts)
  if (gathered instanceof Promise) takeAnswers(live, await gathered)
  else if (gathered !== undefined) takeAnswers(live, gathered)
  const first = deps.decider.decide(live.facts)
  const reached = isToldInSsh(first) ? undefined : await reach(live, first, deps)
  if (reached?.ok === false) {
    turnAway(live, reached.error)
    return
  }
  const client = live.accept()
  if (client === undefined || live.ended.hasEnded) {
    reached?.value.socket.destroy()
    turnAway(live, 'gone')
  } else if (reached === undefined) {
    await carrySsh(live, client, () => reach(live, first, deps), deps)
  } else if (reached.value.permit.enforcement.kind === 'ssh') {
    const { address: dialled } = reached.value
    await carrySsh(live, client, async () => reached, { ...deps, dialled })
  } else {
    await carryRelay(live, client, reached.value, deps)
  }
}

/** What else is known of the flow may have changed while evaluators were asked. */
function takeAnswers(live: LiveFlow, { evaluations }: Facts): void {
  if (evaluations !== undefined) live.facts = { ...live.facts, evaluations }
}

/** A client that speaks SSH is answered before it waits: it then reads in its terminal what it waits for. */
function isToldInSsh(decision: Decision): boolean {
  return isInteractive(decision) && decision.prompt?.protocol === 'ssh'
}

function turnAway(live: LiveFlow, missed: Missed): void {
  if (missed === 'gone') live.end({ closeReason: 'given_up' })
  else live.refuse(missed)
}
