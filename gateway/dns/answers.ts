/** Answers that the gateway gives of itself. */
import { relayAnswer, writeAnswer } from '#lib/dns/answer-writer'
import { EXTENDED_ERROR, RCODE, TYPE } from '#lib/dns/codes'
import { writeName } from '#lib/dns/name'
import { negative } from '#lib/dns/negative-answer'
import type { DnsQuery } from '#lib/dns/query'
import type { IpAddress } from '#lib/net/address'
import type { NameAction } from '../policy/document.ts'
import { TOO_MANY_LOOKUPS } from './lookup-shares.ts'

/** A change of policy or configuration is seen after this many seconds. */
const TTL_S = 30
const DENIAL_S = 5
/** Of a name with odd octets, spelled out; the answer is to fit a datagram. */
const TOLD_OF_ALIAS = 253

/** As of a name that is not there. The zone itself is, since names may be below it (RFC 8020). */
export function noSuchName(asked: DnsQuery, zone: string | undefined): Uint8Array {
  const rcode = asked.name === zone ? RCODE.NOERROR : RCODE.NXDOMAIN
  return negative(asked, rcode, zone ?? asked.name, DENIAL_S)
}

/** What a rule keeps back, with its reason, and the alias that the rule is about. */
export function blocked(
  asked: DnsQuery,
  zone: string,
  { answer, text = 'blocked by policy' }: Extract<NameAction, { readonly kind: 'block' }>,
  alias?: string,
): Uint8Array {
  const told = alias === undefined ? text : `${text} (${alias.slice(0, TOLD_OF_ALIAS)})`
  const error = { code: EXTENDED_ERROR.BLOCKED, text: told }
  return answer === 'nxdomain'
    ? negative(asked, RCODE.NXDOMAIN, zone, DENIAL_S, error)
    : writeAnswer(asked, { rcode: RCODE.REFUSED, error })
}

/** A name with these addresses and nothing else. */
export function fixed(asked: DnsQuery, zone: string, addresses: readonly IpAddress[]): Uint8Array {
  const answers = addressesOf(addresses, asked.type).map(toRecord)
  return answers.length === 0
    ? negative(asked, RCODE.NOERROR, zone, TTL_S)
    : writeAnswer(asked, { rcode: RCODE.NOERROR, answers })
}

/** A name that stands for another, with the addresses of that. */
export function alias(
  asked: DnsQuery,
  target: string,
  addresses: readonly IpAddress[],
): Uint8Array {
  const data = writeName(target)
  // The other name stands in the data of the first record.
  const below = asked.question.length + RECORD_HEAD_OCTETS
  const answers = addressesOf(addresses, asked.type).map((one) => ({ ...toRecord(one), below }))
  return writeAnswer(asked, {
    rcode: RCODE.NOERROR,
    answers: [{ type: TYPE.CNAME, ttl: TTL_S, data }, ...answers],
  })
}

/** What a resolver said, or that none did. */
export function relayed(asked: DnsQuery, message: Uint8Array | undefined): Uint8Array {
  const error = { code: EXTENDED_ERROR.NO_REACHABLE_AUTHORITY, text: 'resolvers of the zone' }
  const answer = message && relayAnswer(asked, 'tcp', message)
  return answer ?? writeAnswer(asked, { rcode: RCODE.SERVFAIL, error })
}

/** As of a server that is busy: to be asked again. */
export function overloaded(asked: DnsQuery): Uint8Array {
  const error = { code: EXTENDED_ERROR.OTHER, text: TOO_MANY_LOOKUPS }
  return writeAnswer(asked, { rcode: RCODE.SERVFAIL, error })
}

/** Pointer to the name, type, class, TTL and length of data. */
const RECORD_HEAD_OCTETS = 12
const ASKED_VERSIONS: ReadonlyMap<number, readonly (4 | 6)[]> = new Map([
  [TYPE.A, [4]],
  [TYPE.AAAA, [6]],
  [TYPE.ANY, [4, 6]],
])

function addressesOf(addresses: readonly IpAddress[], type: number): IpAddress[] {
  const versions = ASKED_VERSIONS.get(type) ?? []
  return addresses.filter(({ version }) => versions.includes(version))
}

function toRecord({ version, bytes }: IpAddress) {
  return { type: version === 4 ? TYPE.A : TYPE.AAAA, ttl: TTL_S, data: bytes }
}
