/**
 * Names inside DNS messages (RFC 1035 sections 3.1 and 4.1.4). Pointers are followed in answers alone, and only
 * backwards.
 */

/** Octets of a name on the wire, with its root label (RFC 1035 section 3.1). */
const NAME_OCTETS = 255
const LABEL_OCTETS = 63
const POINTER = 0xc0
const PLAIN = /^[a-z0-9_-]*$/
/** Octets that would make two names read alike, or spoil a log line. */
const UNSAFE = /[^!-~]|[.\\]/g

/** @returns where the name at `at` ends; undefined: it does not. */
export function endOfName(message: Uint8Array, at: number): number | undefined {
  for (let next = at; next - at < NAME_OCTETS; ) {
    const length = message[next]
    if (length === undefined) return undefined
    if (length === 0) return next + 1
    if (length >= POINTER) return next + 2 <= message.length ? next + 2 : undefined
    if (length > LABEL_OCTETS) return undefined
    next += 1 + length
  }
  return undefined
}

/** A name and where it ends. */
export type NameAt = { readonly name: string; readonly end: number }

/**
 * Reads a name that is written out, as in a question.
 * @returns the name in lower case without its last dot (`.` is the root), odd octets as `\DDD` (RFC 1035 section 5.1)
 *   so that different names never read alike; undefined for a name that is cut off, too long, or compressed.
 */
export function readName(message: Uint8Array, at: number): NameAt | undefined {
  const labels: string[] = []
  for (let next = at; next - at < NAME_OCTETS; ) {
    const length = message[next]
    if (length === 0) return { name: joined(labels), end: next + 1 }
    if (length === undefined || length > LABEL_OCTETS) return undefined
    const end = next + 1 + length
    if (end > message.length) return undefined
    labels.push(readLabel(message, next + 1, end))
    next = end
  }
  return undefined
}

/**
 * Reads a name that may be compressed. Each pointer leads to before where the octets it follows began, so there is no
 * loop.
 * @returns as `readName`; where it ends says `endOfName`.
 */
export function readCompressedName(message: Uint8Array, at: number): string | undefined {
  const labels: string[] = []
  let octets = 1
  let before = at
  for (let next = at; octets <= NAME_OCTETS; ) {
    const length = message[next] ?? POINTER
    if (length >= POINTER) {
      const to = pointerTo(message, next)
      if (to >= before) return undefined
      next = before = to
      continue
    }
    if (length === 0) return joined(labels)
    const labelEnd = next + 1 + length
    if (length > LABEL_OCTETS || labelEnd > message.length) return undefined
    labels.push(readLabel(message, next + 1, labelEnd))
    octets += 1 + length
    next = labelEnd
  }
  return undefined
}

/** Where a pointer leads; one that is cut off leads nowhere. */
function pointerTo(message: Uint8Array, at: number): number {
  const low = message[at + 1]
  return low === undefined ? Number.POSITIVE_INFINITY : (((message[at] ?? 0) & 0x3f) << 8) | low
}

/** @param name labels that are plain text, as a validated host name has them; `.` is the root. */
export function writeName(name: string): Uint8Array {
  if (name === '.') return Uint8Array.of(0)
  const labels = name.split('.').map((label) => Buffer.from(label, 'latin1'))
  return Buffer.concat([
    ...labels.flatMap((label) => [Uint8Array.of(label.length), label]),
    Uint8Array.of(0),
  ])
}

function joined(labels: readonly string[]): string {
  return labels.length === 0 ? '.' : labels.join('.')
}

function readLabel(message: Uint8Array, from: number, to: number): string {
  let label = ''
  for (let at = from; at < to; at++) label += String.fromCharCode(message[at] ?? 0)
  if (PLAIN.test(label)) return label
  return label.replace(UNSAFE, spellOut).toLowerCase()
}

function spellOut(character: string): string {
  return `\\${String(character.charCodeAt(0)).padStart(3, '0')}`
}
