/** The `source-address` option of a certificate: comma-separated addresses and prefixes (ssh-keygen(1), CERTIFICATES). */
import { parseAddress } from '#lib/net/address'
import { type Prefix, parsePrefix, prefixContains } from '#lib/net/prefix'

/** Longest list we read. */
const LIST_LIMIT = 64

/**
 * Whether a peer may use a certificate so bound. One malformed entry spoils the list: nobody may.
 * @param list for example `10.0.0.0/8,2001:db8::1`.
 * @param address IP literal the peer comes from; IPv4-mapped IPv6 counts as IPv4.
 */
export function isSourcePermitted(list: string, address: string): boolean {
  const peer = parseAddress(address)
  const prefixes = parseList(list)
  if (!peer.ok || prefixes === undefined) return false
  return prefixes.some((prefix) => prefixContains(prefix, peer.value))
}

function parseList(list: string): readonly Prefix[] | undefined {
  const entries = list.split(',', LIST_LIMIT + 1).map(parsePrefix)
  if (entries.length > LIST_LIMIT) return undefined
  const prefixes = entries.flatMap((entry) => (entry.ok ? [entry.value] : []))
  return prefixes.length === entries.length ? prefixes : undefined
}
