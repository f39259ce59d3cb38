/** Answers that the resolver gives of itself. */
import { type ExtendedError, writeAnswer } from '#lib/dns/answer-writer'
import { EXTENDED_ERROR, RCODE } from '#lib/dns/codes'
import type { DnsQuery } from '#lib/dns/query'
import type { DnsRefusal } from './counters.ts'

/** Short: a change of settings or policy is seen soon. Seconds. */
const POSITIVE_S = 30

/** Addresses, or the name behind one. */
export function positive(asked: DnsQuery, type: number, data: Uint8Array): Uint8Array {
  return writeAnswer(asked, { rcode: RCODE.NOERROR, answers: [{ type, ttl: POSITIVE_S, data }] })
}

/** What a refusal looks like to the one who asked; undefined text: the reason says it. */
const REFUSALS: Readonly<
  Partial<Record<DnsRefusal, readonly [rcode: number, error: ExtendedError]>>
> = {
  transfer: [RCODE.REFUSED, { code: EXTENDED_ERROR.NOT_SUPPORTED, text: 'zone transfer' }],
  no_upstream: [RCODE.REFUSED, { code: EXTENDED_ERROR.NOT_AUTHORITATIVE, text: 'not our zone' }],
  gateway_refused: [RCODE.REFUSED, { code: EXTENDED_ERROR.PROHIBITED, text: 'refused by policy' }],
  gateway_unreachable: [
    RCODE.SERVFAIL,
    { code: EXTENDED_ERROR.NO_REACHABLE_AUTHORITY, text: 'gateway' },
  ],
  upstream_failed: [
    RCODE.SERVFAIL,
    { code: EXTENDED_ERROR.NETWORK_ERROR, text: 'upstream servers' },
  ],
  rebinding: [
    RCODE.NOERROR,
    { code: EXTENDED_ERROR.BLOCKED, text: 'private address for a public name' },
  ],
  overload: [RCODE.SERVFAIL, { code: EXTENDED_ERROR.OTHER, text: 'too many questions under way' }],
  exhausted: [
    RCODE.SERVFAIL,
    { code: EXTENDED_ERROR.OTHER, text: 'synthetic addresses exhausted' },
  ],
}

/** Longest reason of another program that is repeated, with our own words. */
const REASON_LENGTH = 120

/** @param detail a stable reason that is told instead of the refusal's own words. */
export function refusal(asked: DnsQuery, reason: DnsRefusal, detail?: string): Uint8Array {
  const [rcode, error] = REFUSALS[reason] ?? [
    RCODE.SERVFAIL,
    { code: EXTENDED_ERROR.OTHER, text: reason },
  ]
  const text =
    detail === undefined ? error.text : `${error.text}: ${detail}`.slice(0, REASON_LENGTH)
  return writeAnswer(asked, { rcode, error: { ...error, text } })
}
