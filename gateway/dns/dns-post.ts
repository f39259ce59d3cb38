/**
 * The answer to `POST /dns`: one DNS question of a device. Who asks is who the tunnel says; policy decides before
 * anything is looked up.
 */
import { type DnsQuery, writeQuery } from '#lib/dns/query'
import type { Log } from '#lib/log'
import { parseAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import type { StandingOf } from '../facts/gather.ts'
import type { Turns } from '../identity/turns.ts'
import type { AskerFacts, NameDecision, NameQuestion } from '../policy/evaluate-name.ts'
import type { Reason } from '../policy/reasons.ts'
import type { User } from '../store/store.ts'
import type { PostHandler, TunnelPeer } from '../tunnel/incoming.ts'
import { fixedAddress, noSuchName, relayed } from './answers.ts'
import type { NameServers } from './name-servers-client.ts'
import { type QuestionError, readQuestion } from './question.ts'

export type DnsPostDeps = {
  readonly user: (id: string) => User | undefined
  readonly standing: StandingOf
  readonly decideName: (facts: AskerFacts, question: NameQuestion) => NameDecision
  readonly nameServers: Pick<NameServers, 'ask'>
  /** Fixed addresses by canonical name. */
  readonly hosts: ReadonlyMap<string, string>
  /** Whether the device may ask again. */
  readonly mayAsk: (deviceId: string) => Promise<boolean>
  /** Bounds what is under way, of all devices together. */
  readonly turns: Turns
  readonly log: Log
}

type Refusal = Reason | QuestionError['reason'] | 'too_many_questions' | 'device_refused'

/** A question that is refused has no answer, not even NXDOMAIN: `{refused: reason}`. */
export function dnsPost(deps: DnsPostDeps): PostHandler {
  return async (peer, body) => {
    const answered = await answerBody(deps, peer, body)
    if (!answered.ok) {
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
  const answered = await deps.turns(() => answerQuestion(deps, facts, asked.value))
  return answered ?? err('too_many_questions')
}

function factsOf(deps: DnsPostDeps, peer: TunnelPeer): AskerFacts | undefined {
  const device = peer.admitted()
  const user = device.ok ? deps.user(device.value.userId) : undefined
  if (!device.ok || user === undefined) return undefined
  const { sourceAddress, country } = peer
  const standing = deps.standing(device.value, user)
  return { ...standing, sourceAddress, ...(country !== undefined && { country }) }
}

async function answerQuestion(
  deps: DnsPostDeps,
  facts: AskerFacts,
  asked: DnsQuery,
): Promise<Result<Uint8Array, Refusal>> {
  const { kind, reason, zone } = deps.decideName(facts, asked)
  if (zone === undefined) return err(reason)
  if (kind === 'denial') return ok(noSuchName(asked, zone))
  const fixed = parseAddress(deps.hosts.get(asked.name) ?? '')
  if (fixed.ok) return ok(fixedAddress(asked, zone, fixed.value))
  const answer = await deps.nameServers.ask(asked.name, queryOf(asked))
  return ok(relayed(asked, answer?.message))
}

/** In our own words: options of the device do not reach the resolvers. */
function queryOf({ question, type, flags, edns }: DnsQuery): Uint8Array {
  const name = question.subarray(0, -4)
  return writeQuery({ name, type, flags, dnssecOk: edns?.dnssecOk ?? false })
}
