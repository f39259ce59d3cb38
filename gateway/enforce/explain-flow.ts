/**
 * What a flow would come to: the same two passes as the flow's own, on the same addresses. Nothing is resolved and
 * nothing is dialled unless the decision before it was a permit.
 */
import { formatAddress, type IpAddress, parseAddress } from '#lib/net/address'
import type { Result } from '#lib/result'
import { withAddress, withAliases } from '../facts/gather.ts'
import type { Decision } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Reason } from '../policy/reasons.ts'
import type { Decider } from './decider.ts'
import { resolveAs, unknownAliases } from './resolve-as.ts'
import type { AliasesOf, Resolve } from './resolve-client.ts'

/** What is asked on the way. */
export type ExplainDeps = {
  readonly decider: Pick<Decider, 'decide' | 'decideAddress'>
  readonly resolve: Resolve
  readonly aliasesOf: AliasesOf
  /** Opens a TCP connection to the first of these that answers, and closes it at once. */
  readonly probe: (addresses: readonly string[], port: number) => Promise<Result<void, Failure>>
}

/** Why a permitted flow would not come about. */
export type Failure = { readonly reason: Reason }

/** The last decision on the way, on what, and what was in the way after it. */
export type Explained = {
  readonly facts: Facts
  readonly decision: Decision
  readonly failure?: Reason
}

/** Decides on the name, then on each address behind it, and tries those that are permitted: datagrams are not tried. */
export async function explainFlow(facts: Facts, deps: ExplainDeps): Promise<Explained> {
  const { host, port, transport } = facts.destination
  const decision = deps.decider.decide(facts)
  if (decision.kind === 'denial') return { facts, decision }
  const aliases = await unknownAliases(facts, decision, deps.aliasesOf)
  if (!aliases.ok) return { facts, decision, failure: aliases.error.reason }
  if (aliases.value.length > 0) return explainFlow(withAliases(facts, aliases.value), deps)
  const literal = parseAddress(host)
  const addresses = literal.ok ? literal : await resolveAs(facts, decision.names, deps.resolve)
  if (!addresses.ok) return { facts, decision, failure: addresses.error.reason }
  const found: readonly IpAddress[] = literal.ok ? [literal.value] : [addresses.value].flat()
  const decided = found.map((address) => decideOn(facts, address, deps))
  const permitted = decided.filter((one) => one.decision.kind === 'permit')
  const [first = decided[0]] = permitted
  if (first === undefined || permitted.length === 0) return first ?? { facts, decision }
  if (transport !== 'tcp') return first
  const reached = await deps.probe(permitted.map(addressOf), port)
  return reached.ok ? first : { ...first, failure: reached.error.reason }
}

function decideOn(named: Facts, address: IpAddress, { decider }: ExplainDeps): Explained {
  const facts = withAddress(named, formatAddress(address))
  return { facts, decision: decider.decideAddress(facts) }
}

function addressOf({ facts: { destination } }: Explained): string {
  return destination.address ?? destination.host
}
