/** The way of one flow from its first decision to its last octet. */
import { formatAddress, type IpAddress, parseAddress } from '#lib/net/address'
import { ok, type Result } from '#lib/result'
import { withAddress } from '../facts/gather.ts'
import type { Decision, Permit } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Reason } from '../policy/reasons.ts'
import { carryRelay, carrySsh, type Reached } from './carry-server.ts'
import { decideAll } from './decider.ts'
import { FLOW_TIMING, type FlowServerDeps } from './flow-deps.ts'
import type { LiveFlow } from './live-flow.ts'
import type { ResolveError } from './resolve-client.ts'

/** Takes a flow that is in the table to its end. */
export async function carryFlow(live: LiveFlow, deps: FlowServerDeps): Promise<void> {
  const permit = settle(live, deps.decider.decide(live.facts))
  const reached = permit && (await reach(live, deps))
  if (reached === undefined) {
    live.end({ closeReason: 'given_up' })
    return
  }
  const client = live.accept()
  if (client === undefined || live.ended.hasEnded) {
    reached.socket.destroy()
    live.end({ closeReason: 'given_up' })
    return
  }
  if (reached.permit.enforcement.kind === 'ssh') await carrySsh(live, client, reached, deps)
  else await carryRelay(live, client, reached, deps)
}

/** Notes a decision. @returns the permit; undefined when the flow was refused by it or has ended. */
function settle(live: LiveFlow, decision: Decision): Permit | undefined {
  const goesOn = live.decided(decision)
  if (decision.kind === 'permit') return goesOn ? decision : undefined
  live.refuse(decision.reason)
  return undefined
}

/** Resolves, decides on each address, dials the permitted ones in order until one answers. */
async function reach(live: LiveFlow, deps: FlowServerDeps): Promise<Reached | undefined> {
  const addresses = await addressesOf(live.facts.destination.host, deps)
  if (live.ended.hasEnded) return undefined
  if (!addresses.ok) {
    live.refuse(addresses.error.reason)
    return undefined
  }
  const named = live.facts
  const candidates = addresses.value.map((address) => decideOn(named, address, deps))
  const permitted = candidates.filter(isPermitted)
  if (permitted.length === 0) {
    refuseAddress(live, candidates[0])
    return undefined
  }
  return dialFirst(live, permitted, deps)
}

async function addressesOf(
  host: string,
  { resolve }: FlowServerDeps,
): Promise<Result<readonly IpAddress[], ResolveError>> {
  const literal = parseAddress(host)
  return literal.ok ? ok([literal.value]) : resolve(host)
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

function refuseAddress(live: LiveFlow, candidate: Candidate | undefined): void {
  if (candidate === undefined) throw new Error('a resolved name without addresses')
  live.facts = candidate.facts
  settle(live, candidate.decision)
}

async function dialFirst(
  live: LiveFlow,
  permitted: readonly Permitted[],
  deps: FlowServerDeps,
): Promise<Reached | undefined> {
  const endsAtMs = deps.now() + (deps.timing?.dialMs ?? FLOW_TIMING.dialMs)
  let failure: Reason = 'target_unreachable'
  for (const { address, facts, decision } of permitted) {
    const leftMs = endsAtMs - deps.now()
    if (leftMs <= 0) break
    live.facts = facts
    if (!live.decided(decision, { dialled: address })) return undefined
    const to = { address, port: facts.destination.port }
    const dialled = await deps.dial(to, leftMs, live.ended)
    if (dialled.ok) return confirm(live, { socket: dialled.value, permit: decision, address }, deps)
    if (dialled.error.reason === 'gave_up') return undefined
    failure = dialled.error.reason
  }
  live.refuse(failure)
  return undefined
}

/** A permit of an older revision does not outlive the dialling: it is decided again, whole. */
function confirm(live: LiveFlow, reached: Reached, deps: FlowServerDeps): Reached | undefined {
  if (live.ended.hasEnded) {
    reached.socket.destroy()
    return undefined
  }
  if (reached.permit.revision === deps.decider.revision) return reached
  const again = decideAll(deps.decider, live.facts)
  const permit = settle(live, again)
  if (permit !== undefined) return { ...reached, permit }
  reached.socket.destroy()
  return undefined
}
