/** The Internet checksum (RFC 1071) and its change in place (RFC 1624). */

/** Sum of the 16-bit words in `[from, to)`, not folded; an odd last octet counts as a word's upper half. */
export function sumWords(bytes: Buffer, from: number, to: number): number {
  let sum = 0
  const even = from + ((to - from) & ~1)
  for (let at = from; at < even; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  return even < to ? sum + ((bytes[even] ?? 0) << 8) : sum
}

/** A sum in 16 bits, end-around carry included. */
export function fold(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000)
  return folded
}

/** The checksum of a sum. */
export function checksumOf(sum: number): number {
  return ~fold(sum) & 0xffff
}

/**
 * What to add to a sum when words change.
 * @param oldSum sum of the old words, `newSum` of the new ones.
 */
export function changeOf(oldSum: number, newSum: number): number {
  return checksumOf(oldSum) + newSum
}

/** A checksum after a change (RFC 1624 equation 3). */
export function changedChecksum(checksum: number, change: number): number {
  return checksumOf((~checksum & 0xffff) + change)
}
