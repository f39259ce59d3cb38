/** The records of a message, walked once; nothing inside a record's data is read here. */
import { DNSSEC_OK, TYPE } from '#lib/dns/codes'
import { endOfName } from '#lib/dns/name'

export const HEADER_OCTETS = 12
/** Type, class, TTL and length of data (RFC 1035 section 4.1.3). */
const FIXED_OCTETS = 10

export type Section = 'answer' | 'authority' | 'additional'

/** A record; `data` is a view into the message. */
export type DnsRecord = {
  readonly section: Section
  /** Where its name begins. */
  readonly at: number
  readonly type: number
  readonly class: number
  readonly ttl: number
  readonly data: Uint8Array
}

/** What an OPT record says (RFC 6891 section 6.1). */
export type Edns = {
  /** Octets of an answer by UDP that the sender takes; never under 512. */
  readonly payload: number
  readonly version: number
  readonly extendedRcode: number
  /** DNSSEC records are wanted (RFC 3225). */
  readonly dnssecOk: boolean
  readonly options: Uint8Array
}

/** Smallest payload that may be stated (RFC 6891 section 6.2.3). */
export const PLAIN_PAYLOAD = 512

/**
 * Walks all records from `at` on.
 * @returns undefined when they are not as many as the header says, or something follows them.
 */
export function walkRecords(message: Uint8Array, at: number): readonly DnsRecord[] | undefined {
  const view = viewOf(message)
  const found: DnsRecord[] = []
  let next = at
  for (const [index, section] of (['answer', 'authority', 'additional'] as const).entries()) {
    for (let left = view.getUint16(6 + 2 * index); left > 0; left--) {
      const fixed = endOfName(message, next)
      if (fixed === undefined || fixed + FIXED_OCTETS > message.length) return undefined
      const dataAt = fixed + FIXED_OCTETS
      const end = dataAt + view.getUint16(fixed + 8)
      if (end > message.length) return undefined
      found.push({
        ...{ section, at: next, type: view.getUint16(fixed), class: view.getUint16(fixed + 2) },
        ...{ ttl: view.getUint32(fixed + 4), data: message.subarray(dataAt, end) },
      })
      next = end
    }
  }
  return next === message.length ? found : undefined
}

/** The OPT record among records; `malformed` when there are two, or it is not at the root (RFC 6891 section 6.1.1). */
export function readEdns(
  message: Uint8Array,
  records: readonly DnsRecord[],
): Edns | undefined | 'malformed' {
  const [first, second] = records.filter(({ type }) => type === TYPE.OPT)
  if (first === undefined) return undefined
  const isWhole = first.section === 'additional' && message[first.at] === 0
  if (second !== undefined || !isWhole) return 'malformed'
  return {
    payload: Math.max(first.class, PLAIN_PAYLOAD),
    extendedRcode: first.ttl >>> 24,
    version: (first.ttl >>> 16) & 0xff,
    dnssecOk: (first.ttl & DNSSEC_OK) !== 0,
    options: first.data,
  }
}

/** A view of exactly these octets. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
