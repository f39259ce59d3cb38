/** Reads the answers of servers that we asked. They are untrusted too. */
import { FLAG, TYPE } from '#lib/dns/codes'
import { endOfName } from '#lib/dns/name'
import {
  type DnsRecord,
  type Edns,
  HEADER_OCTETS,
  readEdns,
  viewOf,
  walkRecords,
} from '#lib/dns/records'

export type DnsAnswer = {
  readonly flags: number
  /** With the upper bits of the OPT record (RFC 6891 section 6.1.3). */
  readonly rcode: number
  readonly question: Uint8Array
  readonly records: readonly DnsRecord[]
  /** Where additional records begin; pointers lead backwards only, so all before it stands without them. */
  readonly additionalAt: number
  readonly edns?: Edns
}

/** Type and class. */
const QUESTION_TAIL = 4
const RCODE_BITS = 0x000f

/** Reads an answer to one question; undefined: it is none. Never throws. */
export function readAnswer(message: Uint8Array): DnsAnswer | undefined {
  if (message.length < HEADER_OCTETS) return undefined
  const view = viewOf(message)
  const flags = view.getUint16(2)
  if ((flags & FLAG.QR) === 0 || (flags & FLAG.OPCODE) !== 0 || view.getUint16(4) !== 1)
    return undefined
  const end = endOfName(message, HEADER_OCTETS)
  if (end === undefined || end + QUESTION_TAIL > message.length) return undefined
  const records = walkRecords(message, end + QUESTION_TAIL)
  const edns = records && readEdns(message, records)
  if (records === undefined || edns === 'malformed') return undefined
  const additional = records.find(({ section }) => section === 'additional')
  return {
    ...{ flags, records, rcode: (flags & RCODE_BITS) | ((edns?.extendedRcode ?? 0) << 4) },
    question: message.subarray(HEADER_OCTETS, end + QUESTION_TAIL),
    additionalAt: additional?.at ?? message.length,
    ...(edns === undefined ? {} : { edns }),
  }
}

/** Whether two questions are the same, letters in any case (RFC 4343). Type and class are no letters, and must be equal. */
export function sameQuestion(a: Uint8Array, b: Uint8Array): boolean {
  const nameEnd = a.length - QUESTION_TAIL
  return (
    a.length === b.length &&
    a.every((octet, at) => octet === b[at] || (at < nameEnd && lower(octet) === lower(b[at] ?? 0)))
  )
}

/** A length octet is under 64 and no letter. */
function lower(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet
}

/**
 * How long a denial may be kept, in seconds (RFC 2308 section 5): the SOA's TTL or its last field, whichever is less.
 * Undefined without an SOA: then it may not be kept.
 */
export function negativeTtl({ records }: DnsAnswer): number | undefined {
  const soa = records.find(({ section, type }) => section === 'authority' && type === TYPE.SOA)
  if (soa === undefined || soa.data.length < 4) return undefined
  return Math.min(soa.ttl, viewOf(soa.data).getUint32(soa.data.length - 4))
}
