/** Which names of the DNS are the organisation's own. */
import { addressOfReverseName } from '#lib/dns/reverse-name'
import type { Host } from '#lib/net/endpoint'
import { type HostName, isWithinDomain } from '#lib/net/host'
import { prefixContains } from '#lib/net/prefix'
import type { PolicyDocument } from './document.ts'

/**
 * What a name in a question stands for: a reverse name for its address.
 * @param name as `readName` gives it: lower case, odd octets spelled out, so that it is compared safely.
 */
export function hostOfName(name: string): Host {
  const address = addressOfReverseName(name)
  return address === undefined
    ? { kind: 'name', name: name as HostName }
    : { kind: 'address', address }
}

/**
 * The zone of ours that a name is in: one that is tunnelled, or has resolvers of its own. The reverse name of a
 * tunnelled address is a zone by itself. Undefined: the name is not ours.
 */
export function privateZoneOf(
  { dns, tunnel }: Pick<PolicyDocument, 'dns' | 'tunnel'>,
  name: string,
): string | undefined {
  const domains = [...tunnel.domains, ...dns.zones.map(({ domain }) => domain)]
  const [zone] = domains
    .filter((domain) => isWithinDomain(name as HostName, domain))
    .sort((a, b) => b.length - a.length)
  if (zone !== undefined) return zone
  const host = hostOfName(name)
  if (host.kind === 'name') return undefined
  return tunnel.prefixes.some((prefix) => prefixContains(prefix, host.address)) ? name : undefined
}
