/** A line of the DNS log: a question about a private name, or one that a rule names. Others are written down nowhere. */
import { readAnswer } from '#lib/dns/answer'
import type { DnsQuery } from '#lib/dns/query'
import { rcodeName, typeName } from '#lib/dns/type-names'
import type { AskerFacts, NameDecision } from '../policy/evaluate-name.ts'

export type DnsLogLine = {
  /** Unix milliseconds. */
  readonly atMs: number
  readonly userId: string
  readonly email: string
  readonly deviceId: string
  /** Name of the service token that asked in place of a person. */
  readonly service?: string
  readonly name: string
  /** Number of the record type. */
  readonly type: number
  readonly verdict: 'permit' | 'override' | 'denial'
  readonly reason: string
  readonly rule?: string
  /** The name that the rule is about, where the one asked for leads to it. */
  readonly alias?: string
  readonly revision: number
  /** Absent: the question was refused. */
  readonly rcode?: number
  /** Who was asked, `ADDRESS:PORT`. */
  readonly resolver?: string
  readonly durationMs: number
}

/** As the store numbers it. */
export type NumberedLine = DnsLogLine & { readonly sequence: number }

type Happened = {
  readonly atMs: number
  readonly durationMs: number
  readonly facts: AskerFacts
  readonly asked: Pick<DnsQuery, 'name' | 'type'>
  readonly decision: NameDecision
  readonly message?: Uint8Array
  readonly resolver?: string
  /** What became of it after the decision, if that is why. */
  readonly failure?: string
}

export function dnsLogLine({
  atMs,
  durationMs,
  facts,
  asked,
  decision,
  ...came
}: Happened): DnsLogLine {
  const { userId, email, deviceId, service } = facts.subject
  const { kind: verdict, rule, alias, revision } = decision
  const reason = came.failure ?? decision.reason
  const rcode = came.message && readAnswer(came.message)?.rcode
  return {
    ...{ atMs, durationMs, userId, email, deviceId, verdict, reason, revision },
    ...{ name: asked.name, type: asked.type },
    ...(service !== undefined && { service: service.name }),
    ...(rule !== undefined && { rule }),
    ...(alias !== undefined && { alias }),
    ...(rcode !== undefined && { rcode }),
    ...(came.resolver !== undefined && { resolver: came.resolver }),
  }
}

/** As the admin API tells it. */
export function dnsLineJson(line: NumberedLine) {
  const { sequence, atMs, email, deviceId, type, rcode, ...rest } = line
  return {
    id: sequence,
    at: new Date(atMs).toISOString(),
    user: email,
    device: deviceId,
    type: typeName(type),
    ...(rcode !== undefined && { answer: rcodeName(rcode) }),
    ...rest,
  }
}
