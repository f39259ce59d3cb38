/**
 * Where synthetic addresses come from: two prefixes of the same shape, so that both addresses of a name have one
 * number, and the addresses in them that serve no name.
 */
import { addressFromBytes, type IpAddress } from '#lib/net/address'
import { formatPrefix, type Prefix, parsePrefix, prefixContains } from '#lib/net/prefix'
import { err, ok, type Result } from '#lib/result'

export type SyntheticRange = {
  readonly v4: Prefix
  readonly v6: Prefix
  /** Addresses by number. */
  readonly capacity: number
  /** Numbers that serve no name: first and last of the IPv4 prefix, and our own addresses. */
  readonly reserved: ReadonlySet<number>
}

/** A longer IPv4 prefix has no room, a shorter one more names than are ever kept in memory. */
const LONGEST_V4 = 30
const SHORTEST_V4 = 8

export type RangeError = {
  readonly reason: 'bad_synthetic_v4' | 'bad_synthetic_v6' | 'synthetic_v6_too_small'
}

/**
 * @param own addresses of this machine inside the prefixes: the resolver's, the interface's.
 * @returns a refusal for what is no prefix, has no room, or where the IPv6 prefix has fewer addresses than the other.
 */
export function parseSyntheticRange(
  v4Text: string,
  v6Text: string,
  own: readonly IpAddress[],
): Result<SyntheticRange, RangeError> {
  const v4 = parsePrefix(v4Text)
  const v6 = parsePrefix(v6Text)
  if (!v4.ok || v4.value.address.version !== 4) return err({ reason: 'bad_synthetic_v4' })
  const { length } = v4.value
  if (length > LONGEST_V4 || length < SHORTEST_V4) return err({ reason: 'bad_synthetic_v4' })
  if (!v6.ok || v6.value.address.version !== 6) return err({ reason: 'bad_synthetic_v6' })
  if (128 - v6.value.length < 32 - length) return err({ reason: 'synthetic_v6_too_small' })
  const capacity = 2 ** (32 - length)
  const bare = { v4: v4.value, v6: v6.value, capacity, reserved: new Set<number>() }
  const taken = own.map((address) => numberOf(bare, address)).filter((one) => one !== undefined)
  return ok({ ...bare, reserved: new Set([0, capacity - 1, ...taken]) })
}

/** Both addresses of a number under the capacity. */
export function addressesOf(
  { v4, v6 }: SyntheticRange,
  number: number,
): { readonly v4: IpAddress; readonly v6: IpAddress } {
  return { v4: plus(v4.address, number), v6: plus(v6.address, number) }
}

/** The number of an address; undefined: outside, or beyond the capacity. */
export function numberOf(
  range: Pick<SyntheticRange, 'v4' | 'v6' | 'capacity'>,
  address: IpAddress,
): number | undefined {
  const prefix = address.version === 4 ? range.v4 : range.v6
  if (!prefixContains(prefix, address)) return undefined
  const number = distance(prefix.address, address)
  return number < range.capacity ? number : undefined
}

/** Whether an address lies in one of the prefixes. */
export function inRange({ v4, v6 }: SyntheticRange, address: IpAddress): boolean {
  return prefixContains(address.version === 4 ? v4 : v6, address)
}

/** Canonical text: another text is another range. */
export function formatRange({ v4, v6 }: SyntheticRange): string {
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
