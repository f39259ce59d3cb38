/**
 * Flows that come about inside an SSH session and lead through its target: decided like any other, for the same device
 * and user. That target resolves the name and connects, so nothing is decided on addresses but those that were asked for.
 */
import { formatAddress, parseAddress } from '#lib/net/address'
import { resetSocket } from '#lib/net/reset-socket-os'
import { err, ok, type Result } from '#lib/result'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import { withAddress, withTarget } from '../facts/gather.ts'
import type { Decision, Permit } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { IncomingFlow } from '../tunnel/incoming.ts'
import type { Reached } from './carry-server.ts'
import { type Decider, decideAll } from './decider.ts'
import type { FlowServerDeps } from './flow-deps.ts'
import type { LiveFlow } from './live-flow.ts'
import type { Missed } from './missed.ts'
import { isToldInSsh } from './passage-server.ts'
import { settle } from './settle-server.ts'
import type { SshHop } from './ssh-service.ts'

/** A way through a session as a flow of the device that holds the session. */
export function hopFlow(hop: SshHop, { peer, claims }: IncomingFlow): IncomingFlow {
  return {
    peer,
    claims,
    authority: hop.authority,
    transport: 'tcp',
    accept: () => hop.accept(),
    refuse: ({ sentence }) => hop.refuse(sentence),
    // A channel carries nothing before it is confirmed.
    takeEarly: () => () => {},
    reset: () => hop.reset(),
    onGone: (listener) => hop.onGone(listener),
  }
}

/** Whether policy would carry a flow there as SSH, for who has these facts. */
export function isSshAt(target: FlowTarget, outer: Facts, decider: Decider): boolean {
  const decision = decider.decide(withTarget(outer, target))
  if (decision.kind === 'denial') return isToldInSsh(decision)
  return decision.enforcement.kind === 'ssh'
}

/** As `reach`, through the target of the session that the way begins in. */
export async function reachThrough(
  hop: SshHop,
  live: LiveFlow,
  decision: Decision,
  deps: FlowServerDeps,
): Promise<Result<Reached, Missed>> {
  const permit = await settle(live, decision, deps)
  if (!permit.ok) return permit
  const { host, address } = live.facts.destination
  const literal = parseAddress(host)
  if (literal.ok && address === undefined) {
    live.facts = withAddress(live.facts, formatAddress(literal.value))
    return reachThrough(hop, live, deps.decider.decideAddress(live.facts), deps)
  }
  // It would pass unseen.
  if (permit.value.enforcement.kind !== 'ssh') return err('protocol_mismatch')
  const socket = await hop.dial()
  if (socket === undefined) return err(live.ended.hasEnded ? 'gone' : 'target_unreachable')
  if (live.ended.hasEnded) resetSocket(socket)
  return confirm(live, { socket, permit: permit.value, address: address ?? host }, deps)
}

/** A permit of an older revision does not outlive the dialling. */
function confirm(
  live: LiveFlow,
  reached: Reached,
  { decider }: FlowServerDeps,
): Result<Reached, Missed> {
  if (live.ended.hasEnded) return err('gone')
  if (reached.permit.revision === decider.revision) return ok(reached)
  const again = decideAll(decider, live.facts)
  const isLive = live.decided(again)
  if (again.kind === 'permit' && isLive && isSsh(again)) return ok({ ...reached, permit: again })
  resetSocket(reached.socket)
  if (!isLive) return err('gone')
  return err(again.kind === 'denial' ? again.reason : 'protocol_mismatch')
}

function isSsh({ enforcement }: Permit): boolean {
  return enforcement.kind === 'ssh'
}
