/** An answer as people read it. */
import { readAnswer } from '#lib/dns/answer'
import type { ExtendedError } from '#lib/dns/answer-writer'
import { TYPE } from '#lib/dns/codes'
import { readExtendedError } from '#lib/dns/extended-error'
import { readCompressedName } from '#lib/dns/name'
import type { DnsRecord } from '#lib/dns/records'
import { rcodeName, typeName } from '#lib/dns/type-names'
import { addressFromBytes, formatAddress } from '#lib/net/address'

export type AnswerText = {
  /** Name of the code, such as `NXDOMAIN`. */
  readonly answer: string
  /** Of the answer section. Without a value: of a type that is not spelled out here. */
  readonly records: readonly { readonly type: string; readonly value?: string }[]
  readonly error?: ExtendedError
}

const ADDRESS_OCTETS: ReadonlyMap<number, number> = new Map([
  [TYPE.A, 4],
  [TYPE.AAAA, 16],
])
const NAMED: ReadonlySet<number> = new Set([TYPE.CNAME, TYPE.NS, TYPE.PTR])

/** Undefined: it is no answer. Never throws. */
export function answerText(message: Uint8Array): AnswerText | undefined {
  const answer = readAnswer(message)
  if (answer === undefined) return undefined
  const records = answer.records.filter(({ section }) => section === 'answer')
  const error = answer.edns && readExtendedError(answer.edns.options)
  return {
    answer: rcodeName(answer.rcode),
    records: records.map((record) => {
      const value = textOf(record, message)
      return { type: typeName(record.type), ...(value !== undefined && { value }) }
    }),
    ...(error !== undefined && { error }),
  }
}

function textOf({ type, data }: DnsRecord, message: Uint8Array): string | undefined {
  if (data.length === ADDRESS_OCTETS.get(type)) return formatAddress(addressFromBytes(data))
  if (!NAMED.has(type)) return undefined
  return readCompressedName(message, data.byteOffset - message.byteOffset)
}
