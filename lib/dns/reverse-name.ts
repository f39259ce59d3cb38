/** Names of the reverse zones. */
import { addressFromBytes, type IpAddress } from '#lib/net/address'

const V4_REVERSE = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/
const V6_REVERSE = /^((?:[0-9a-f]\.){32})ip6\.arpa$/

/** The address that a name of the reverse zones stands for in full (RFC 1035 section 3.5, RFC 3596 section 2.5). */
export function addressOfReverseName(name: string): IpAddress | undefined {
  if (!name.endsWith('.arpa')) return undefined
  const octets = V4_REVERSE.exec(name)?.slice(1).map(Number).reverse()
  if (octets !== undefined) {
    return Math.max(...octets) <= 255 ? addressFromBytes(Uint8Array.from(octets)) : undefined
  }
  const nibbles = V6_REVERSE.exec(name)?.[1]?.replaceAll('.', '')
  if (nibbles === undefined) return undefined
  return addressFromBytes(Buffer.from([...nibbles].reverse().join(''), 'hex'))
}
