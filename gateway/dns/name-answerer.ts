/** What becomes of one question about a name: policy decides, a rule answers, or resolvers are asked. */
import { type DnsQuery, writeQuery } from '#lib/dns/query'
import { parseAll } from '../enforce/resolve-as.ts'
import type { Resolve } from '../enforce/resolve-client.ts'
import type { NameAction } from '../policy/document.ts'
import type { AskerFacts, NameDecision } from '../policy/evaluate-name.ts'
import type { NameQuestion } from '../policy/phases/dns.ts'
import type { Reason } from '../policy/reasons.ts'
import { aliasesIn } from './alias-chain.ts'
import { alias, blocked, fixed, noSuchName, overloaded, relayed } from './answers.ts'
import { type LookUp, TOO_MANY_LOOKUPS } from './lookup-shares.ts'
import type { NameAnswer, NameServers } from './name-servers-client.ts'

export type NameAnswererDeps = {
  readonly decideName: (facts: AskerFacts, question: NameQuestion) => NameDecision
  readonly nameServers: Pick<NameServers, 'ask'>
  readonly resolve: Resolve
  /** Fixed addresses by canonical name. */
  readonly hosts: ReadonlyMap<string, string>
  /** Places for lookups; what needs none is answered whatever others ask. */
  readonly lookUp: LookUp
}

/** What became of a question. */
export type AnsweredName = Answered & { readonly decision: NameDecision }

/** Answers a question of somebody. Never rejects for what resolvers say. */
export type AnswerName = (facts: AskerFacts, asked: DnsQuery) => Promise<AnsweredName>

export function createNameAnswerer(deps: NameAnswererDeps): AnswerName {
  return async (facts, asked) => {
    const decision = deps.decideName(facts, asked)
    return { decision, ...(await carryOut(deps, { facts, asked }, decision)) }
  }
}

type Question = { readonly facts: AskerFacts; readonly asked: DnsQuery }

type Answered = {
  readonly message?: Uint8Array
  readonly resolver?: string
  readonly refused?: Reason
  /** Why a question that policy permits was not looked up. */
  readonly failure?: typeof TOO_MANY_LOOKUPS
  /** On what the name was found to lead to, in place of the one on the name alone. */
  readonly decision?: NameDecision
}

async function carryOut(
  deps: NameAnswererDeps,
  question: Question,
  { kind, reason, effect, alias: by, ...decision }: NameDecision,
): Promise<Answered> {
  const { asked } = question
  const { zone = asked.name } = decision
  if (effect?.kind === 'block') return { message: blocked(asked, zone, effect, by) }
  if (effect?.kind === 'override') return overridden(deps, question, zone, effect)
  if (kind === 'denial') {
    return reason === 'name_not_permitted'
      ? { message: noSuchName(asked, decision.zone) }
      : { refused: reason }
  }
  const address = deps.hosts.get(asked.name)
  if (address !== undefined) return { message: fixed(asked, zone, parseAll([address])) }
  const { deviceId } = question.facts.subject
  const found = await deps.lookUp(deviceId, asked.name, async () => ({
    answer: await deps.nameServers.ask(asked.name, queryOf(asked)),
  }))
  return found === undefined ? tooMany(asked) : passOn(deps, question, found.answer)
}

function tooMany(asked: DnsQuery): Answered {
  return { message: overloaded(asked), failure: TOO_MANY_LOOKUPS }
}

/** What a resolver said, unless a rule decides on a name that it leads to. */
async function passOn(
  deps: NameAnswererDeps,
  question: Question,
  answer: NameAnswer | undefined,
): Promise<Answered> {
  const { facts, asked } = question
  const aliases = answer && aliasesIn(answer.message)
  const resolver = answer && { resolver: answer.resolver }
  if (aliases === undefined) return { message: relayed(asked, undefined), ...resolver }
  const decision = aliases.length > 0 ? deps.decideName(facts, { ...asked, aliases }) : undefined
  if (decision !== undefined && decision.kind !== 'permit')
    return { ...resolver, ...(await carryOut(deps, question, decision)), decision }
  return { message: relayed(asked, answer?.message), ...resolver }
}

/** As a connection to the name would go: see `resolveAs`. */
async function overridden(
  deps: NameAnswererDeps,
  question: Question,
  zone: string,
  effect: Extract<NameAction, { readonly kind: 'override' }>,
): Promise<Answered> {
  const { asked } = question
  if ('addresses' in effect) return { message: fixed(asked, zone, parseAll(effect.addresses)) }
  const resolved = await deps.resolve(effect.alias, question.facts.subject.deviceId)
  if (!resolved.ok && resolved.error.reason === TOO_MANY_LOOKUPS) return tooMany(asked)
  return { message: alias(asked, effect.alias, resolved.ok ? resolved.value : []) }
}

/** In our own words: options of the device do not reach the resolvers. */
function queryOf({ question, type, flags, edns }: DnsQuery): Uint8Array {
  const name = question.subarray(0, -4)
  return writeQuery({ name, type, flags, dnssecOk: edns?.dnssecOk ?? false })
}
