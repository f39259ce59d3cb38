/** What the resolver did, for `zt status`. */

export const DNS_REFUSALS = [
  'malformed',
  'opcode',
  'class',
  'edns_version',
  'transfer',
  'no_upstream',
  'gateway_refused',
  'gateway_unreachable',
  'upstream_failed',
  'rebinding',
  'overload',
  'exhausted',
] as const

/** Why a question got no answer, or an emptied one. */
export type DnsRefusal = (typeof DNS_REFUSALS)[number]

/** Numbers since start. */
export type DnsCounters = {
  queries: number
  /** Of our zones, synthetic addresses and tunnelled prefixes. */
  ours: number
  /** Given to the upstream servers. */
  forwarded: number
  /** Of upstream servers, or of somebody else in their name, to questions that nobody asked: not heard. */
  strayAnswers: number
  readonly refused: Record<DnsRefusal, number>
}

export function createDnsCounters(): DnsCounters {
  const refused = Object.fromEntries(DNS_REFUSALS.map((reason) => [reason, 0]))
  const counts = { queries: 0, ours: 0, forwarded: 0, strayAnswers: 0 }
  return { ...counts, refused: refused as Record<DnsRefusal, number> }
}
