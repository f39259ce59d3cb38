/** The way of one flow from its first decision to its last octet. */
import { carryRelay, carrySsh } from './carry-server.ts'
import type { FlowServerDeps } from './flow-deps.ts'
import type { LiveFlow } from './live-flow.ts'
import { reach } from './reach-server.ts'
import type { Missed } from './settle-server.ts'

/** Takes a flow that is in the table to its end. */
export async function carryFlow(live: LiveFlow, deps: FlowServerDeps): Promise<void> {
  const reached = await reach(live, deps.decider.decide(live.facts), deps)
  if (!reached.ok) {
    turnAway(live, reached.error)
    return
  }
  const client = live.accept()
  if (client === undefined || live.ended.hasEnded) {
    reached.value.socket.destroy()
    turnAway(live, 'gone')
    return
  }
  if (reached.value.permit.enforcement.kind === 'ssh')
    await carrySsh(live, client, reached.value, deps)
  else await carryRelay(live, client, reached.value, deps)
}

function turnAway(live: LiveFlow, missed: Missed): void {
  if (missed === 'gone') live.end({ closeReason: 'given_up' })
  else live.refuse(missed)
}
