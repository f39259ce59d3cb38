/**
 * The answer to `POST /dns`: one DNS question of a device. Who asks is who the tunnel says; policy decides before
 * anything is looked up.
 */
import type { DnsQuery } from '#lib/dns/query'
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import { gatherAsker, type StandingOf } from '../facts/gather.ts'
import type { AskerFacts } from '../policy/evaluate-name.ts'
import type { Reason } from '../policy/reasons.ts'
import type { User } from '../store/store.ts'
import type { PostHandler, TunnelPeer } from '../tunnel/incoming.ts'
import { type DnsLogLine, dnsLogLine } from './dns-log-line.ts'
import type { AnswerName } from './name-answerer.ts'
import { type QuestionError, readQuestion } from './question.ts'

export type DnsPostDeps = {
  readonly user: (id: string) => User | undefined
  readonly standing: StandingOf
  readonly answerName: AnswerName
  /** Whether the device may ask again. */
  readonly mayAsk: (deviceId: string) => Promise<boolean>
  /** Writes a question down. */
  readonly note: (line: DnsLogLine) => void
  /** Unix milliseconds. */
  readonly now: () => number
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
  return answerAndNote(deps, facts, asked.value)
}

function factsOf(deps: DnsPostDeps, peer: TunnelPeer): AskerFacts | undefined {
  const device = peer.admitted()
  const user = device.ok ? deps.user(device.value.userId) : undefined
  if (!device.ok || user === undefined) return undefined
  const { sourceAddress, country } = peer
  return gatherAsker({ standing: deps.standing(device.value, user), sourceAddress, country })
}

/** Private names are written down, and those that a rule decided on; others are nobody's business. */
async function answerAndNote(
  { answerName, note, now }: DnsPostDeps,
  facts: AskerFacts,
  asked: DnsQuery,
): Promise<Result<Uint8Array, Refusal>> {
  const atMs = now()
  const answered = await answerName(facts, asked)
  const { decision, refused, message } = answered
  if (decision.zone !== undefined || decision.rule !== undefined) {
    note(dnsLogLine({ atMs, durationMs: now() - atMs, facts, asked, ...answered }))
  }
  return message === undefined ? err(refused ?? decision.reason) : ok(message)
}
