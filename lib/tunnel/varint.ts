/** Variable-length integers of QUIC (RFC 9000 section 16): two bits of length, then 6, 14, 30 or 62 bits, big-endian. */

/** Longest encoding, octets. */
export const VARINT_OCTETS = 8

/** An integer that was read; above 2^53 - 1 it is rounded, which is enough to refuse it. */
export type Varint = { readonly value: number; readonly next: number }

/** Reads at an offset; undefined while octets are missing. Never throws. */
export function readVarint(octets: Uint8Array, at: number): Varint | undefined {
  const first = octets[at]
  if (first === undefined) return undefined
  const next = at + 2 ** (first >> 6)
  if (next > octets.length) return undefined
  let value = first & 0x3f
  for (let index = at + 1; index < next; index++) value = value * 256 + (octets[index] ?? 0)
  return { value, next }
}

/** Octets of the shortest encoding of an integer below 2^30. */
export function varintLength(value: number): 1 | 2 | 4 {
  if (value < 2 ** 6) return 1
  return value < 2 ** 14 ? 2 : 4
}

/** Writes the shortest encoding. @returns the offset after it. @throws {RangeError} for 2^30 and above: a bug. */
export function writeVarint(into: Buffer, value: number, at: number): number {
  const length = varintLength(value)
  if (length === 1) return into.writeUInt8(value, at)
  if (length === 2) return into.writeUInt16BE(value + 0x4000, at)
  return into.writeUInt32BE(value + 0x80000000, at)
}
