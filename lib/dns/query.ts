/** Reads the questions of strangers: one question each, refused as RFCs say where it is not. */
import { CLASS_IN, DNSSEC_OK, FLAG, RCODE, TYPE } from '#lib/dns/codes'
import { readName } from '#lib/dns/name'
import { type Edns, HEADER_OCTETS, readEdns, viewOf, walkRecords } from '#lib/dns/records'
import { err, ok, type Result } from '#lib/result'

export type DnsQuery = {
  readonly id: number
  /** The whole second word of the header: see `FLAG`. */
  readonly flags: number
  /** Name, type and class octet for octet as they came: the case of letters belongs into the answer. */
  readonly question: Uint8Array
  /** In lower case, without the last dot. */
  readonly name: string
  readonly type: number
  readonly edns?: Edns
}

/** A question that is refused. */
export type BadQuery = {
  readonly reason: 'malformed' | 'opcode' | 'class' | 'edns_version'
  readonly rcode: number
  /** What can be said of it in the answer; without a question when none could be read. */
  readonly query: Pick<DnsQuery, 'id' | 'flags' | 'question' | 'edns'>
}

const NO_QUESTION = new Uint8Array(0)
/** Type and class. */
const QUESTION_TAIL = 4

/**
 * Reads one query (RFC 1035 section 4, RFC 9619: exactly one question).
 * @returns undefined for what must not be answered at all: under a header's length, or itself an answer. Never throws.
 */
export function readQuery(message: Uint8Array): Result<DnsQuery, BadQuery> | undefined {
  if (message.length < HEADER_OCTETS) return undefined
  const view = viewOf(message)
  const head = { id: view.getUint16(0), flags: view.getUint16(2) }
  if ((head.flags & FLAG.QR) !== 0) return undefined
  const bare = { ...head, question: NO_QUESTION }
  if ((head.flags & FLAG.OPCODE) !== 0) return refuse('opcode', RCODE.NOTIMP, bare)
  const found = readBody(message, view)
  if (found === undefined) return refuse('malformed', RCODE.FORMERR, bare)
  const { name, end, edns } = found
  const query: DnsQuery = {
    ...{ ...head, question: message.subarray(HEADER_OCTETS, end), name },
    type: view.getUint16(end - QUESTION_TAIL),
    ...(edns === undefined ? {} : { edns }),
  }
  if (edns !== undefined && edns.version !== 0) return refuse('edns_version', RCODE.BADVERS, query)
  if (view.getUint16(end - 2) !== CLASS_IN) return refuse('class', RCODE.REFUSED, query)
  return ok(query)
}

/** The question's name, where the question ends, and the OPT record; nothing where any of it is wrong. */
function readBody(
  message: Uint8Array,
  view: DataView,
): { readonly name: string; readonly end: number; readonly edns: Edns | undefined } | undefined {
  const isOneQuestion = view.getUint16(4) === 1 && view.getUint16(6) === 0
  const named = isOneQuestion ? readName(message, HEADER_OCTETS) : undefined
  if (named === undefined) return undefined
  const end = named.end + QUESTION_TAIL
  const records = end > message.length ? undefined : walkRecords(message, end)
  const edns = records && readEdns(message, records)
  if (records === undefined || edns === 'malformed') return undefined
  return { name: named.name, end, edns }
}

function refuse(reason: BadQuery['reason'], rcode: number, query: BadQuery['query']) {
  return err({ reason, rcode, query })
}

/** What is asked of another server in our own name. */
export type Asked = {
  readonly name: Uint8Array
  readonly type: number
  /** DO, and the flags AD and CD as the client has them. */
  readonly dnssecOk: boolean
  readonly flags: number
}

/** Octets of an answer that we take from a server we ask ourselves. */
const OUR_PAYLOAD = 4096

/** Writes a query with recursion desired and an OPT record; its id is 0. */
export function writeQuery({ name, type, dnssecOk, flags }: Asked): Uint8Array {
  const query = Buffer.alloc(HEADER_OCTETS + name.length + QUESTION_TAIL + 11)
  query.writeUInt16BE(FLAG.RD | (flags & (FLAG.AD | FLAG.CD)), 2)
  query.writeUInt16BE(1, 4)
  query.writeUInt16BE(1, 10)
  query.set(name, HEADER_OCTETS)
  const tail = HEADER_OCTETS + name.length
  query.writeUInt16BE(type, tail)
  query.writeUInt16BE(CLASS_IN, tail + 2)
  query.writeUInt16BE(TYPE.OPT, tail + QUESTION_TAIL + 1)
  query.writeUInt16BE(OUR_PAYLOAD, tail + QUESTION_TAIL + 3)
  query.writeUInt16BE(dnssecOk ? DNSSEC_OK : 0, tail + QUESTION_TAIL + 7)
  return query
}
