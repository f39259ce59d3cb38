/**
 * What enforcement asks of policy. The rules are in gateway/policy; here a permit or a denial is carried out.
 * Every call answers from the policy in force at that moment.
 */
import type { Decision } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'

export interface Decider {
  /** Number of the policy revision in force. */
  readonly revision: number
  /** Decides on the destination as it was asked for, with the protocol if it is known. */
  decide(facts: Facts): Decision
  /** Decides again with `destination.address`: forbidden addresses, blocks on addresses, owners of addresses. */
  decideAddress(facts: Facts): Decision
}

/** Both passes, for facts that have an address; for facts without, the first. */
export function decideAll(decider: Decider, facts: Facts): Decision {
  const first = decider.decide(facts)
  if (first.kind === 'denial' || facts.destination.address === undefined) return first
  return decider.decideAddress(facts)
}
