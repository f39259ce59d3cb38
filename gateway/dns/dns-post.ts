/**
 * The answer to `POST /dns`: one DNS question of a device. Who asks is who the tunnel says; policy decides before
 * anything is looked up.
 */
import { type DnsQuery, writeQuery } from '#lib/dns/query'
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import { parseAll } from '../enforce/resolve-as.ts'
import type { Resolve } from '../enforce/resolve-client.ts'
import type { StandingOf } from '../facts/gather.ts'
import type { NameAction } from '../policy/document.ts'
import type { AskerFacts, NameDecision } from '../policy/evaluate-name.ts'
import type { NameQuestion } from '../policy/phases/dns.ts'
import type { Reason } from '../policy/reasons.ts'
import type { User } from '../store/store.ts'
import type { PostHandler, TunnelPeer } from '../tunnel/incoming.ts'
import { aliasesIn } from './alias-chain.ts'
import {
  alias,
  blocked,
  fixed,
  noSuchName,
  overloaded,
  relayed,
  TOO_MANY_LOOKUPS,
} from './answers.ts'
import { type DnsLogLine, dnsLogLine } from './dns-log-line.ts'
import type { LookupShares } from './lookup-shares.ts'
import type { NameAnswer, NameServers } from './name-servers-client.ts'
import { type QuestionError, readQuestion } from './question.ts'

export type DnsPostDeps = {
  readonly user: (id: string) => User | undefined
  readonly standing: StandingOf
  readonly decideName: (facts: AskerFacts, question: NameQuestion) => NameDecision
  readonly nameServers: Pick<NameServers, 'ask' | 'zoneOf'>
  readonly resolve: Resolve
  /** Fixed addresses by canonical name. */
  readonly hosts: ReadonlyMap<string, string>
  /** Whether the device may ask again. */
  readonly mayAsk: (deviceId: string) => Promise<boolean>
  /** Writes a question down. */
  readonly note: (line: DnsLogLine) => void
  /** Unix milliseconds. */
  readonly now: () => number
  /** Places for lookups; what needs none is answered whatever others ask. */
  readonly shares: LookupShares
  readonly log: Log
}

type Refusal = Reason | QuestionError['reason'] | 'too_many_questions' | 'device_refused'

/** A question that is refused has no answer, not even NXDOMAIN: `{refused: reason}`. */
export function dnsPost(deps: DnsPostDeps): PostHandler {
  return async (peer, body) => {
    const answered = await answerBody(deps, peer, body)
    // A device that asks too often must not fill the log as well.
    if (!answered.ok && answered.error !== 'too_many_questions') {
      deps.log.info({ deviceId: peer.leaf.deviceId, reason: answered.error }, 'question refused')
    }
    const reply = answered.ok
      ? { answer: Buffer.from(answered.value).toString('base64url') }
      : { refused: answered.error }
    return { status: 200, body: JSON.stringify(reply) }
  }
}

async function answerBody(
  deps: DnsPostDeps,
  peer: TunnelPeer,
  body: string,
): Promise<Result<Uint8Array, Refusal>> {
  const { deviceId } = peer.leaf
  if (!(await deps.mayAsk(deviceId))) return err('too_many_questions')
  const asked = readQuestion(body)
  if (!asked.ok) return err(asked.error.reason)
  const facts = factsOf(deps, peer)
  if (facts === undefined) return err('device_refused')
  return answerQuestion(deps, facts, asked.value)
}

function factsOf(deps: DnsPostDeps, peer: TunnelPeer): AskerFacts | undefined {
  const device = peer.admitted()
  const user = device.ok ? deps.user(device.value.userId) : undefined
  if (!device.ok || user === undefined) return undefined
  const { sourceAddress, country } = peer
  const standing = deps.standing(device.value, user)
  return { ...standing, sourceAddress, ...(country !== undefined && { country }) }
}

/** Private names are written down, and those that a rule decided on; others are nobody's business. */
async function answerQuestion(
  deps: DnsPostDeps,
  facts: AskerFacts,
  asked: DnsQuery,
): Promise<Result<Uint8Array, Refusal>> {
  const atMs = deps.now()
  const decision = deps.decideName(facts, asked)
  const answered = await carryOut(deps, { facts, asked }, decision)
  if (decision.zone !== undefined || decision.rule !== undefined) {
    const durationMs = deps.now() - atMs
    deps.note(dnsLogLine({ atMs, durationMs, facts, asked, decision, ...answered }))
  }
  const { refused, message } = answered
  return message === undefined ? err(refused ?? decision.reason) : ok(message)
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
  deps: DnsPostDeps,
  question: Question,
  { kind, reason, effect, alias: by, ...decision }: NameDecision,
): Promise<Answered> {
  const { asked } = question
  const { zone = asked.name } = decision
  if (effect?.kind === 'block') return { message: blocked(asked, zone, effect, by) }
  if (effect?.kind === 'override') return overridden(deps, question, zone, effect)
  if (kind === 'denial') {
    return reason === 'name_not_permitted'
      ? { message: noSuchName(asked, zone) }
      : { refused: reason }
  }
  const address = deps.hosts.get(asked.name)
  if (address !== undefined) return { message: fixed(asked, zone, parseAll([address])) }
  const found = await lookUp(deps, question, asked.name, async () => ({
    answer: await deps.nameServers.ask(asked.name, queryOf(asked)),
  }))
  return found === undefined ? tooMany(asked) : passOn(deps, question, found.answer)
}

/** In a place of the device's share in the zone of this name's resolvers; undefined: there is none, nobody is asked. */
function lookUp<T>(
  { shares, nameServers }: DnsPostDeps,
  { facts }: Question,
  name: string,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  return shares({ device: facts.subject.deviceId, zone: nameServers.zoneOf(name) ?? '' }, ask)
}

function tooMany(asked: DnsQuery): Answered {
  return { message: overloaded(asked), failure: TOO_MANY_LOOKUPS }
}

/** What a resolver said, unless a rule decides on a name that it leads to. */
async function passOn(
  deps: DnsPostDeps,
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
  deps: DnsPostDeps,
  question: Question,
  zone: string,
  effect: Extract<NameAction, { readonly kind: 'override' }>,
): Promise<Answered> {
  const { asked } = question
  if ('addresses' in effect) return { message: fixed(asked, zone, parseAll(effect.addresses)) }
  const resolved = await lookUp(deps, question, effect.alias, () => deps.resolve(effect.alias))
  if (resolved === undefined) return tooMany(asked)
  return { message: alias(asked, effect.alias, resolved.ok ? resolved.value : []) }
}

/** In our own words: options of the device do not reach the resolvers. */
function queryOf({ question, type, flags, edns }: DnsQuery): Uint8Array {
  const name = question.subarray(0, -4)
  return writeQuery({ name, type, flags, dnssecOk: edns?.dnssecOk ?? false })
}
