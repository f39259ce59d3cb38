/** The way of one flow from its first decision to its last octet. */
import type { Result } from '#lib/result'
import type { Decision } from '../policy/decision.ts'
import { isInteractive } from '../prompt/hold.ts'
import { carryRelay, type Reached } from './carry-server.ts'
import { carrySsh } from './carry-ssh-server.ts'
import type { FlowServerDeps } from './flow-deps.ts'
import type { LiveFlow } from './live-flow.ts'
import type { Missed } from './missed.ts'
import type { SshFlow } from './ssh-service.ts'

export type PassageDeps = FlowServerDeps &
  Pick<SshFlow, 'hop' | 'parent'> & {
    /** From a first decision to a target. */
    readonly reach: (live: LiveFlow, first: Decision) => Promise<Result<Reached, Missed>>
  }

/** Takes a flow that is in the table to its end. */
export async function carryFlow(live: LiveFlow, deps: PassageDeps): Promise<void> {
  const asked = askEvaluators(live, deps)
  if (asked !== undefined) await asked
  const first = deps.decider.decide(live.facts)
  const reached = isToldInSsh(first) ? undefined : await deps.reach(live, first)
  if (reached?.ok === false) {
    turnAway(live, reached.error)
    return
  }
  const client = live.accept()
  if (client === undefined || live.ended.hasEnded) {
    reached?.value.socket.destroy()
    turnAway(live, 'gone')
  } else if (reached === undefined) {
    await carrySsh(live, client, () => deps.reach(live, first), deps)
  } else if (reached.value.permit.enforcement.kind === 'ssh') {
    const { address: dialled } = reached.value
    await carrySsh(live, client, async () => reached, { ...deps, dialled })
  } else {
    await carryRelay(live, client, reached.value, deps)
  }
}

/** Takes in what evaluators say; undefined when nobody has to be waited for. */
function askEvaluators(live: LiveFlow, deps: FlowServerDeps): Promise<void> | undefined {
  const about = live.facts
  const gathered = deps.gather?.(about) ?? about
  if (!(gathered instanceof Promise)) {
    if (gathered !== about) live.facts = gathered
    return undefined
  }
  return gathered.then((facts) => {
    // What is known of the flow changed meanwhile: the answers were about something else.
    if (live.facts !== about) return askEvaluators(live, deps)
    live.facts = facts
    return undefined
  })
}

/** A client that speaks SSH is answered before it waits: it then reads in its terminal what it waits for. */
export function isToldInSsh(decision: Decision): boolean {
  return isInteractive(decision) && decision.prompt?.protocol === 'ssh'
}

function turnAway(live: LiveFlow, missed: Missed): void {
  if (missed === 'gone') live.end({ closeReason: 'given_up' })
  else live.refuse(missed)
}
