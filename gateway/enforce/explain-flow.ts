/** What a flow would come to, without dialling: the same two passes, on the same addresses. */
import { formatAddress, parseAddress } from '#lib/net/address'
import type { Explanation } from '#lib/wire/control-message'
import { withAddress } from '../facts/gather.ts'
import type { Facts } from '../policy/facts.ts'
import { sentenceFor } from '../policy/reasons.ts'
import type { PolicyDecider } from './policy-decider.ts'
import type { Resolve } from './resolve-client.ts'

/**
 * Explains as a flow is decided: on the name, then on each address behind it until one is permitted.
 * A name without an address is explained by its own decision, with what a flow would be refused with.
 */
export async function explainFlow(
  facts: Facts,
  decider: Pick<PolicyDecider, 'explain'>,
  resolve: Resolve,
): Promise<Explanation> {
  const { host } = facts.destination
  const onName = decider.explain(facts)
  if (onName.verdict === 'denial' || parseAddress(host).ok) return onName
  const addresses = await resolve(host)
  if (!addresses.ok) {
    const { reason } = addresses.error
    return { ...onName, verdict: 'denial', reason, sentence: sentenceFor(reason) }
  }
  const [first, ...rest] = addresses.value.map((address) =>
    decider.explain(withAddress(facts, formatAddress(address))),
  )
  return [first, ...rest].find((one) => one?.verdict === 'permit') ?? first ?? onName
}
