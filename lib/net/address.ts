/**
 * IP addresses as bytes (RFC 791, RFC 4291). Only the unambiguous spellings are read: the short, octal and hexadecimal
 * forms that inet_aton takes (`0177.1`, `0x7f000001`) and zone ids are refused, since two readers would disagree on them.
 */
import { err, ok, type Result } from '#lib/result'

/** An address. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is always held as the IPv4 address it means. */
export type IpAddress = {
  readonly version: 4 | 6
  /** 4 or 16 octets, network order. */
  readonly bytes: Uint8Array
}

/** Longest text form: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`. */
const TEXT_LIMIT = 45
const IPV4 = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/
const GROUP = /^[0-9a-f]{1,4}$/i
const GROUPS = 8
/** Octets before the IPv4 part of `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2). */
const MAPPED_PREFIX = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff)

/**
 * Parses an IP literal without brackets.
 * @returns the address, or `bad_address` for anything that is not one in full. Never throws.
 */
export function parseAddress(text: string): Result<IpAddress, { readonly reason: 'bad_address' }> {
  if (text.length > TEXT_LIMIT) return err({ reason: 'bad_address' })
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text)
  return bytes === undefined ? err({ reason: 'bad_address' }) : ok(addressFromBytes(bytes))
}

/** An address from its 4 or 16 octets, mapped forms folded. @throws {RangeError} for any other count. */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return { version: 4, bytes }
  if (bytes.length !== 16)
    throw new RangeError(`an address has 4 or 16 octets, not ${bytes.length}`)
  return isMapped(bytes) ? { version: 4, bytes: bytes.subarray(12) } : { version: 6, bytes }
}

/** The canonical text: dotted decimal, or RFC 5952. Equal addresses have equal texts. */
export function formatAddress(address: IpAddress): string {
  return address.version === 4 ? address.bytes.join('.') : formatIpv6(address.bytes)
}

/** Whether both are the same address. */
export function equalAddresses(a: IpAddress, b: IpAddress): boolean {
  return a.version === b.version && a.bytes.every((octet, index) => octet === b.bytes[index])
}

function isMapped(bytes: Uint8Array): boolean {
  return MAPPED_PREFIX.every((octet, index) => octet === bytes[index])
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = IPV4.exec(text)
  if (parts === null) return undefined
  const [a, b, c, d] = [Number(parts[1]), Number(parts[2]), Number(parts[3]), Number(parts[4])]
  return Math.max(a, b, c, d) <= 255 ? Uint8Array.of(a, b, c, d) : undefined
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = GROUPS - head.length - tail.length
  // `::` stands for one group or more; without it all eight must be there.
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  return bytesOf([...head, ...Array<number>(missing).fill(0), ...tail])
}

/** Groups between colons; a dotted IPv4 tail counts as two and is allowed at the very end only. */
function parseGroups(text: string, atEnd: boolean): number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const last = parts.at(-1) ?? ''
  const embedded = atEnd && last.includes('.') ? parseIpv4(last) : undefined
  const plain = embedded === undefined ? parts : parts.slice(0, -1)
  if (!plain.every((part) => GROUP.test(part))) return undefined
  const groups = plain.map((part) => Number.parseInt(part, 16))
  return embedded === undefined ? groups : [...groups, ...groupsOf(embedded)]
}

function groupsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length / 2 }, (_, index) => view.getUint16(index * 2))
}

function bytesOf(groups: readonly number[]): Uint8Array {
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

/** RFC 5952 section 4: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatIpv6(bytes: Uint8Array): string {
  const groups = groupsOf(bytes)
  const run = longestZeroRun(groups)
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  if (run.length < 2) return text(groups)
  return `${text(groups.slice(0, run.start))}::${text(groups.slice(run.start + run.length))}`
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let length = 0
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0
    if (length > best.length) best = { start: index - length + 1, length }
  }
  return best
}
