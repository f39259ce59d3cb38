/** Denials of our own. */
import { type ExtendedError, type OwnRecord, writeAnswer } from '#lib/dns/answer-writer'
import { TYPE } from '#lib/dns/codes'
import { writeName } from '#lib/dns/name'
import type { DnsQuery } from '#lib/dns/query'

/**
 * A name that is not there (NXDOMAIN), or has nothing of this type (NOERROR), with the SOA that says for how long
 * (RFC 2308 section 3).
 * @param zone the name, or what ends it.
 */
export function negative(
  asked: DnsQuery,
  rcode: 0 | 3,
  zone: string,
  seconds: number,
  error?: ExtendedError,
): Uint8Array {
  const authorities = [soaOf(asked, zone, seconds)]
  return writeAnswer(asked, { rcode, authorities, ...(error && { error }) })
}

/** As resolvers name the server of zones they make up themselves. */
const SERVER = Buffer.concat([writeName('localhost'), writeName('nobody.invalid')])
/** Serial, refresh, retry, expire, minimum. */
const TIMES_OCTETS = 20

function soaOf({ question }: DnsQuery, zone: string, seconds: number): OwnRecord {
  const times = Buffer.alloc(TIMES_OCTETS)
  for (const [index, value] of [1, 3600, 1200, 604_800, seconds].entries()) {
    times.writeUInt32BE(value, index * 4)
  }
  // A plain name's wire form is two octets longer than its text, others are shorter: then the zone is the name itself.
  const below = Math.max(0, question.length - 4 - (zone.length + 2))
  return { type: TYPE.SOA, ttl: seconds, data: Buffer.concat([SERVER, times]), below }
}
