/** Writes answers: our own, and those of other servers made fit for the one who asked. */
import { type DnsAnswer, readAnswer, sameQuestion } from '#lib/dns/answer'
import { CLASS_IN, DNSSEC_OK, ERROR_OPTION, FLAG, TYPE } from '#lib/dns/codes'
import type { DnsQuery } from '#lib/dns/query'
import { HEADER_OCTETS, PLAIN_PAYLOAD } from '#lib/dns/records'

/** How a question came, and its answer goes. */
export type Via = 'udp' | 'tcp'

/** A record of an answer. */
export type OwnRecord = {
  readonly type: number
  /** Seconds. */
  readonly ttl: number
  readonly data: Uint8Array
  /** Octets of the question's name before the record's own name begins; default 0, the name itself. */
  readonly below?: number
}

/** Why, for a person who debugs (RFC 8914). */
export type ExtendedError = { readonly code: number; readonly text: string }

export type OwnAnswer = {
  readonly rcode: number
  readonly answers?: readonly OwnRecord[]
  readonly authorities?: readonly OwnRecord[]
  readonly error?: ExtendedError
}

type Asker = Pick<DnsQuery, 'id' | 'flags' | 'question' | 'edns'>

/** What we take by UDP, and give at most: no path fragments it (RFC 9715 section 3.1). */
const UDP_PAYLOAD = 1232
const TCP_OCTETS = 65_535
const OPT_OCTETS = 11
const RECORD_OCTETS = 12
const POINTER = 0xc000
const KEPT_FLAGS = FLAG.RD | FLAG.CD

/** Writes an answer of our own; under 512 octets with two records and an error of under 100 characters. */
export function writeAnswer(asker: Asker, own: OwnAnswer): Uint8Array {
  const { answers = [], authorities = [] } = own
  const options = asker.edns === undefined ? NOTHING : optionsOf(own.error)
  const records = [...answers, ...authorities]
  const octets = records.reduce((sum, { data }) => sum + RECORD_OCTETS + data.length, 0)
  const optOctets = asker.edns === undefined ? 0 : OPT_OCTETS + options.length
  const message = Buffer.allocUnsafe(HEADER_OCTETS + asker.question.length + octets + optOctets)
  const flags = FLAG.QR | FLAG.RA | (asker.flags & (KEPT_FLAGS | FLAG.OPCODE)) | (own.rcode & 0x0f)
  writeHeader(message, asker, flags, [answers.length, authorities.length])
  let at = HEADER_OCTETS + asker.question.length
  for (const record of records) at = writeRecord(message, at, record)
  if (optOctets > 0) writeOpt(message, at, asker, own.rcode, options)
  return message
}

/**
 * Makes another server's answer one to this client: its id, its letters, its flags, its size. Additional records are
 * left out: addresses in them would lead around the synthetic ones.
 * @returns undefined when the message is no answer to this question.
 */
export function relayAnswer(
  asker: DnsQuery,
  via: Via,
  message: Uint8Array,
): Uint8Array | undefined {
  const answer = readAnswer(message)
  if (answer === undefined || !sameQuestion(asker.question, answer.question)) return undefined
  const options = asker.edns === undefined ? NOTHING : (answer.edns?.options ?? NOTHING)
  const optOctets = asker.edns === undefined ? 0 : OPT_OCTETS + options.length
  const fits = answer.additionalAt + optOctets <= sizeLimit(asker, via)
  const end = fits ? answer.additionalAt : HEADER_OCTETS + asker.question.length
  const relayed = Buffer.alloc(end + optOctets)
  relayed.set(message.subarray(0, end))
  const counts = fits ? countsOf(answer) : [0, 0]
  writeHeader(relayed, asker, relayedFlags(asker, answer, fits), counts)
  if (optOctets > 0) writeOpt(relayed, end, asker, answer.rcode, options)
  return relayed
}

/** Says that the answer is longer than this client takes by UDP, and that it is to come by TCP. */
export function writeTruncated(asker: DnsQuery, rcode: number): Uint8Array {
  const message = Buffer.from(writeAnswer(asker, { rcode }))
  message.writeUInt16BE(message.readUInt16BE(2) | FLAG.TC, 2)
  return message
}

/** Octets of an answer that may go to this client. @param limit what we ourselves would send by UDP at most. */
export function sizeLimit({ edns }: Asker, via: Via, limit = UDP_PAYLOAD): number {
  return via === 'tcp' ? TCP_OCTETS : Math.min(edns?.payload ?? PLAIN_PAYLOAD, limit)
}

const NOTHING = new Uint8Array(0)

/** AD goes to those who asked for it (RFC 6840 section 5.8). */
function relayedFlags(asker: DnsQuery, answer: DnsAnswer, fits: boolean): number {
  const wantsProof = (asker.flags & FLAG.AD) !== 0 || asker.edns?.dnssecOk === true
  return (
    FLAG.QR |
    FLAG.RA |
    (asker.flags & KEPT_FLAGS) |
    (wantsProof ? answer.flags & FLAG.AD : 0) |
    (answer.flags & FLAG.TC) |
    (fits ? 0 : FLAG.TC) |
    (answer.rcode & 0x0f)
  )
}

function countsOf({ records }: DnsAnswer): readonly number[] {
  const inSection = (name: string) => records.filter(({ section }) => section === name).length
  return [inSection('answer'), inSection('authority')]
}

function writeHeader(
  message: Buffer,
  { id, question, edns }: Asker,
  flags: number,
  [answers = 0, authorities = 0]: readonly number[],
): void {
  message.writeUInt16BE(id, 0)
  message.writeUInt16BE(flags, 2)
  message.writeUInt16BE(question.length === 0 ? 0 : 1, 4)
  message.writeUInt16BE(answers, 6)
  message.writeUInt16BE(authorities, 8)
  message.writeUInt16BE(edns === undefined ? 0 : 1, 10)
  message.set(question, HEADER_OCTETS)
}

function writeRecord(
  message: Buffer,
  at: number,
  { type, ttl, data, below = 0 }: OwnRecord,
): number {
  message.writeUInt16BE(POINTER | (HEADER_OCTETS + below), at)
  message.writeUInt16BE(type, at + 2)
  message.writeUInt16BE(CLASS_IN, at + 4)
  message.writeUInt32BE(ttl, at + 6)
  message.writeUInt16BE(data.length, at + 10)
  message.set(data, at + RECORD_OCTETS)
  return at + RECORD_OCTETS + data.length
}

/** RFC 6891 section 6.1.3: name, type, payload, upper bits of the rcode, version, DO as it was asked, options. */
function writeOpt(
  message: Buffer,
  at: number,
  { edns }: Asker,
  rcode: number,
  options: Uint8Array,
): void {
  message[at] = 0
  message.writeUInt16BE(TYPE.OPT, at + 1)
  message.writeUInt16BE(UDP_PAYLOAD, at + 3)
  message[at + 5] = rcode >> 4
  message[at + 6] = 0
  message.writeUInt16BE(edns?.dnssecOk ? DNSSEC_OK : 0, at + 7)
  message.writeUInt16BE(options.length, at + 9)
  message.set(options, at + OPT_OCTETS)
}

function optionsOf(error: ExtendedError | undefined): Uint8Array {
  if (error === undefined) return NOTHING
  const text = Buffer.from(error.text)
  const option = Buffer.alloc(6 + text.length)
  option.writeUInt16BE(ERROR_OPTION, 0)
  option.writeUInt16BE(2 + text.length, 2)
  option.writeUInt16BE(error.code, 4)
  option.set(text, 6)
  return option
}
