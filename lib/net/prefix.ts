/**
 * Address prefixes in CIDR notation (RFC 4632, RFC 4291 section 2.3).
 */
import { formatAddress, type IpAddress, parseAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'

/** A prefix; all bits after `length` are zero. */
export type Prefix = {
  readonly address: IpAddress
  /** Leading bits that count: 0 to 32, or 0 to 128. */
  readonly length: number
}

/** Why a text is no prefix. `host_bits_set`: a bit after the length is one, so what was meant is unclear. */
export type PrefixError = {
  readonly reason: 'bad_address' | 'bad_prefix_length' | 'host_bits_set'
}

const LENGTH = /^(?:0|[1-9][0-9]{0,2})$/

/** Parses `10.0.0.0/8`; a bare address is the prefix of full length. Never throws. */
export function parsePrefix(text: string): Result<Prefix, PrefixError> {
  const slash = text.indexOf('/')
  const parsed = parseAddress(slash < 0 ? text : text.slice(0, slash))
  if (!parsed.ok) return parsed
  const address = parsed.value
  if (slash < 0) return ok(prefixOfAddress(address))
  // `::ffff:10.0.0.0/104` would be an IPv6 length on a folded IPv4 address: no honest reading.
  if (address.version === 4 && text.includes(':')) return err({ reason: 'bad_address' })
  const lengthText = text.slice(slash + 1)
  const length = Number(lengthText)
  if (!LENGTH.test(lengthText) || length > bitsOf(address)) {
    return err({ reason: 'bad_prefix_length' })
  }
  return hasBitsAfter(address, length) ? err({ reason: 'host_bits_set' }) : ok({ address, length })
}

/** The prefix that holds this address alone. */
export function prefixOfAddress(address: IpAddress): Prefix {
  return { address, length: bitsOf(address) }
}

/** Whether the prefix holds one address only. */
export function isSingleAddress(prefix: Prefix): boolean {
  return prefix.length === bitsOf(prefix.address)
}

/** Whether `address` lies in `prefix`; never across versions. */
export function prefixContains(prefix: Prefix, address: IpAddress): boolean {
  if (prefix.address.version !== address.version) return false
  for (let bit = 0; bit < prefix.length; bit++) {
    if (bitAt(prefix.address, bit) !== bitAt(address, bit)) return false
  }
  return true
}

/** Whether all of `inner` lies in `outer`. */
export function prefixCovers(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && prefixContains(outer, inner.address)
}

/** Canonical text, always with the length. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`
}

/** Bit `index` of an address, the most significant first. */
export function bitAt(address: IpAddress, index: number): 0 | 1 {
  const octet = address.bytes[index >> 3] ?? 0
  return ((octet >> (7 - (index & 7))) & 1) === 1 ? 1 : 0
}

function bitsOf(address: IpAddress): number {
  return address.bytes.length * 8
}

function hasBitsAfter(address: IpAddress, length: number): boolean {
  for (let bit = length; bit < bitsOf(address); bit++) {
    if (bitAt(address, bit) === 1) return true
  }
  return false
}
