/**
 * Where synthetic addresses come from: two prefixes of the same shape, so that both addresses of a name have one
 * number, and the addresses in them that serve no name.
 */
import { addressFromBytes, type IpAddress } from '#lib/net/address'
import { formatPrefix, type Prefix, prefixContains } from '#lib/net/prefix'

/** As `lib/net/synthetic-prefix.ts` takes them: the IPv6 one has an address for each of the other. */
export type SyntheticPrefixes = { readonly v4: Prefix; readonly v6: Prefix }

export type SyntheticRange = SyntheticPrefixes & {
  /** Addresses by number. */
  readonly capacity: number
  /** Numbers that serve no name: first and last of the IPv4 prefix, and our own addresses. */
  readonly reserved: ReadonlySet<number>
}

/** @param own addresses of this machine inside the prefixes: the resolver's, the interface's. */
export function syntheticRange(
  { v4, v6 }: SyntheticPrefixes,
  own: readonly IpAddress[],
): SyntheticRange {
  const capacity = 2 ** (32 - v4.length)
  const taken = own.map((address) => numberOf({ v4, v6, capacity }, address))
  const used = taken.filter((one) => one !== undefined)
  return { v4, v6, capacity, reserved: new Set([0, capacity - 1, ...used]) }
}

/** Both addresses of a number under the capacity. */
export function addressesOf(
  { v4, v6 }: SyntheticPrefixes,
  number: number,
): { readonly v4: IpAddress; readonly v6: IpAddress } {
  return { v4: plus(v4.address, number), v6: plus(v6.address, number) }
}

/** The number of an address; undefined: outside, or beyond the capacity. */
export function numberOf(
  range: Omit<SyntheticRange, 'reserved'>,
  address: IpAddress,
): number | undefined {
  const prefix = address.version === 4 ? range.v4 : range.v6
  if (!prefixContains(prefix, address)) return undefined
  const number = distance(prefix.address, address)
  return number < range.capacity ? number : undefined
}

/** Whether an address lies in one of the prefixes. */
export function inRange({ v4, v6 }: SyntheticPrefixes, address: IpAddress): boolean {
  return prefixContains(address.version === 4 ? v4 : v6, address)
}

/** Canonical text: another text is another range. */
export function formatRange({ v4, v6 }: SyntheticPrefixes): string {
  return `${formatPrefix(v4)} ${formatPrefix(v6)}`
}

/** @param number below 2^32; the base has zeros where it is added. */
function plus(base: IpAddress, number: number): IpAddress {
  const bytes = Uint8Array.from(base.bytes)
  const view = new DataView(bytes.buffer)
  const at = bytes.length - 4
  view.setUint32(at, (view.getUint32(at) | number) >>> 0)
  return addressFromBytes(bytes)
}

/** How far an address is behind the base; beyond 2^32 it is infinite. */
function distance(base: IpAddress, { bytes }: IpAddress): number {
  const at = bytes.length - 4
  const isNear = bytes.subarray(0, at).every((octet, index) => octet === base.bytes[index])
  return isNear ? word(bytes, at) - word(base.bytes, at) : Number.POSITIVE_INFINITY
}

function word(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at)
}
