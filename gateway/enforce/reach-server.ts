/** From a first decision to a connected target: settle it, resolve, decide on each address, dial the permitted ones. */
import { formatAddress, type IpAddress, parseAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import { withAddress, withAliases } from '../facts/gather.ts'
import type { Decision, Permit } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Reason } from '../policy/reasons.ts'
import type { Reached } from './carry-server.ts'
import { decideAll } from './decider.ts'
import type { Dial } from './dial-client.ts'
import { FLOW_TIMING, type FlowServerDeps } from './flow-deps.ts'
import type { LiveFlow } from './live-flow.ts'
import type { Missed } from './missed.ts'
import { resolveAs, unknownAliases } from './resolve-as.ts'
import type { ResolveError } from './resolve-client.ts'
import { settle } from './settle-server.ts'
import type { TargetStream } from './ssh-service.ts'

/** Nothing is resolved, and nothing dialled, before there is a permit. */
export async function reach(
  live: LiveFlow,
  decision: Decision,
  deps: FlowServerDeps,
): Promise<Result<Reached, Missed>> {
  const permit = await settle(live, decision, deps)
  if (!permit.ok) return permit
  const aliases = await unknownAliases(live.facts, permit.value, deps.aliasesOf)
  if (live.ended.hasEnded) return err('gone')
  if (!aliases.ok) return err(aliases.error.reason)
  if (aliases.value.length > 0) {
    live.facts = withAliases(live.facts, aliases.value)
    return reach(live, deps.decider.decide(live.facts), deps)
  }
  const addresses = await addressesOf(live.facts, permit.value, deps)
  if (live.ended.hasEnded) return err('gone')
  if (!addresses.ok) return err(addresses.error.reason)
  const named = live.facts
  const candidates = addresses.value.map((address) => decideOn(named, address, deps))
  const permitted = candidates.filter(isPermitted)
  const [first] = candidates
  if (permitted.length > 0 || first === undefined) return dialFirst(live, permitted, deps)
  live.facts = first.facts
  return reach(live, first.decision, deps)
}

async function addressesOf(
  facts: Facts,
  { names }: Permit,
  { resolve }: FlowServerDeps,
): Promise<Result<readonly IpAddress[], ResolveError>> {
  const literal = parseAddress(facts.destination.host)
  return literal.ok ? ok([literal.value]) : resolveAs(facts, names, resolve)
}

type Candidate = { readonly address: string; readonly facts: Facts; readonly decision: Decision }
type Permitted = Candidate & { readonly decision: Permit }

function decideOn(named: Facts, address: IpAddress, deps: FlowServerDeps): Candidate {
  const text = formatAddress(address)
  const facts = withAddress(named, text)
  return { address: text, facts, decision: deps.decider.decideAddress(facts) }
}

function isPermitted(candidate: Candidate): candidate is Permitted {
  return candidate.decision.kind === 'permit'
}

async function dialFirst(
  live: LiveFlow,
  permitted: readonly Permitted[],
  deps: FlowServerDeps,
): Promise<Result<Reached, Missed>> {
  const endsAtMs = deps.now() + (deps.timing?.dialMs ?? FLOW_TIMING.dialMs)
  let failure: Reason = 'target_unreachable'
  const dial = dialerOf(live.facts, deps)
  for (const { address, facts, decision } of permitted) {
    const leftMs = endsAtMs - deps.now()
    if (leftMs <= 0) break
    live.facts = facts
    if (!live.decided(decision, { dialled: address })) return err('gone')
    const to = { address, port: facts.destination.port }
    const dialled = await dial(to, leftMs, live.ended)
    if (dialled.ok) return confirm(live, { socket: dialled.value, permit: decision, address }, deps)
    if (dialled.error.reason === 'gave_up') return err('gone')
    failure = dialled.error.reason
  }
  return err(failure)
}

type Dialer = Dial<TargetStream, 'icmp_unavailable'>

function dialerOf({ destination }: Facts, deps: FlowServerDeps): Dialer {
  switch (destination.transport) {
    case 'tcp':
      return deps.dial
    case 'udp':
      return deps.dialUdp
    case 'icmp':
      return deps.dialIcmp
  }
}

/** A permit of an older revision does not outlive the dialling: it is decided again, whole. */
async function confirm(
  live: LiveFlow,
  reached: Reached,
  deps: FlowServerDeps,
): Promise<Result<Reached, Missed>> {
  if (!live.ended.hasEnded && reached.permit.revision === deps.decider.revision) return ok(reached)
  const again = live.ended.hasEnded ? undefined : decideAll(deps.decider, live.facts)
  if (again?.kind === 'permit' && live.decided(again)) return ok({ ...reached, permit: again })
  reached.socket.destroy()
  return again?.kind === 'denial' ? reach(live, again, deps) : err('gone')
}
