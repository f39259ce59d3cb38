import { formatAddress, parseAddress } from './address.ts'

/** Octets of an IPv6 address that name the customer: a host owns its /64. */
const PREFIX_OCTETS = 8

/** Callers that count as one: an IPv4 address, also one written as IPv6; the /64 of an IPv6 address. */
export function sourceKey(source: string): string {
  const address = parseAddress(source)
  if (!address.ok) return 'unknown'
  const { version, bytes } = address.value
  return version === 4
    ? formatAddress(address.value)
    : Buffer.from(bytes.subarray(0, PREFIX_OCTETS)).toString('hex')
}
