/** Answers that the gateway gives of itself. */
import { relayAnswer, writeAnswer } from '#lib/dns/answer-writer'
import { EXTENDED_ERROR, RCODE, TYPE } from '#lib/dns/codes'
import { negative } from '#lib/dns/negative-answer'
import type { DnsQuery } from '#lib/dns/query'
import type { IpAddress } from '#lib/net/address'

/** A change of policy or configuration is seen after this many seconds. */
const TTL_S = 30
const DENIAL_S = 5

/** As of a name that is not there. */
export function noSuchName(asked: DnsQuery, zone: string): Uint8Array {
  return negative(asked, RCODE.NXDOMAIN, zone, DENIAL_S)
}

/** A name with this address and nothing else. */
export function fixedAddress(asked: DnsQuery, zone: string, address: IpAddress): Uint8Array {
  const type = address.version === 4 ? TYPE.A : TYPE.AAAA
  const isAsked = asked.type === type || asked.type === TYPE.ANY
  if (!isAsked) return negative(asked, RCODE.NOERROR, zone, TTL_S)
  return writeAnswer(asked, {
    rcode: RCODE.NOERROR,
    answers: [{ type, ttl: TTL_S, data: address.bytes }],
  })
}

/** What a resolver said, or that none did. */
export function relayed(asked: DnsQuery, message: Uint8Array | undefined): Uint8Array {
  const error = { code: EXTENDED_ERROR.NO_REACHABLE_AUTHORITY, text: 'resolvers of the zone' }
  const answer = message && relayAnswer(asked, 'tcp', message)
  return answer ?? writeAnswer(asked, { rcode: RCODE.SERVFAIL, error })
}
