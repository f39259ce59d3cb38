/** Servers of DNS as people write them. */
import { parseAddress } from '#lib/net/address'
import { formatHost, parseEndpoint } from '#lib/net/endpoint'

/** A server by address; a scope such as `%eth0` may follow an IPv6 one. */
export type DnsServer = { readonly host: string; readonly port: number }

const DNS_PORT = 53

/** Parses an address, or an address and a port: `10.0.0.53`, `[fd00::53]:5353`. Undefined for anything else. */
export function parseDnsServer(text: string): DnsServer | undefined {
  const bare = parseAddress(text)
  if (bare.ok) return { host: formatHost({ kind: 'address', address: bare.value }), port: DNS_PORT }
  const parsed = parseEndpoint(text)
  if (!parsed.ok || parsed.value.host.kind !== 'address') return undefined
  return { host: formatHost(parsed.value.host), port: parsed.value.port }
}
