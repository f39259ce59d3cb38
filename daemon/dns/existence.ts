/** Whether a name of ours has addresses, as the gateway knows it. Which ones stays there: here they are synthetic. */
import { type DnsAnswer, negativeTtl, readAnswer, sameQuestion } from '#lib/dns/answer'
import type { ExtendedError } from '#lib/dns/answer-writer'
import { RCODE, TYPE } from '#lib/dns/codes'
import { readExtendedError } from '#lib/dns/extended-error'
import { writeName } from '#lib/dns/name'
import { writeQuery } from '#lib/dns/query'
import { HEADER_OCTETS } from '#lib/dns/records'
import { parseHostName } from '#lib/net/host'
import type { Found } from './short-memory.ts'

/** What the gateway said to a question. */
export type GatewayReply =
  | { readonly kind: 'answer'; readonly message: Uint8Array }
  /** By the policy's DNS phase. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It answers no DNS: it is older than that. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreachable'; readonly reason: string }

/** Asks the gateway one DNS message; has its own deadline, never rejects. */
export type AskGateway = (query: Uint8Array) => Promise<GatewayReply>

export type Existence =
  | { readonly kind: 'exists' }
  /** `seconds`: how long that may be kept. */
  | { readonly kind: 'no_address'; readonly seconds: number }
  /** `error`: why, where the gateway says it. */
  | { readonly kind: 'no_name'; readonly seconds: number; readonly error?: ExtendedError }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

/** An administrator's change, or a new record, is seen after this many seconds at most. */
const LONGEST_S = 30
/** For a denial that says nothing of its life. */
const DENIAL_S = 5
/** A failure is kept this long, so that programs that ask in a loop do not load the gateway (RFC 9520 section 3.2). */
const FAILURE_S = 1

/** Asks for IPv4 addresses, then for IPv6 ones where there are none. Never rejects. */
export async function findExistence(name: string, ask: AskGateway): Promise<Found<Existence>> {
  // No flow could go to what is no host name.
  if (!parseHostName(name).ok) return { value: denial('no_address'), ttlMs: LONGEST_S * 1000 }
  const first = await lookUp(name, TYPE.A, ask)
  const isOpen = first.value.kind === 'no_address' || first.isAlias
  if (!isOpen) return first
  const second = await lookUp(name, TYPE.AAAA, ask)
  // The end of a chain that leaves our zones is found where the flow is dialled.
  const isAlias = second.value.kind === 'no_address' && (first.isAlias || second.isAlias)
  return isAlias ? { ...second, value: { kind: 'exists' } } : second
}

type Looked = Found<Existence> & { readonly isAlias: boolean }

async function lookUp(name: string, type: number, ask: AskGateway): Promise<Looked> {
  const query = writeQuery({ name: writeName(name), type, dnssecOk: false, flags: 0 })
  const reply = await ask(query)
  switch (reply.kind) {
    case 'answer':
      return judge(reply.message, query, type)
    case 'absent':
      return found({ kind: 'exists' }, LONGEST_S)
    case 'refused':
      return found({ kind: 'refused', reason: reply.reason }, DENIAL_S)
    case 'unreachable':
      return failure(reply.reason)
  }
}

function judge(message: Uint8Array, query: Uint8Array, type: number): Looked {
  const answer = readAnswer(message)
  // Behind the question stands our OPT record.
  const question = answer && query.subarray(HEADER_OCTETS, HEADER_OCTETS + answer.question.length)
  if (answer === undefined || question === undefined || !sameQuestion(answer.question, question))
    return failure('bad_gateway_answer')
  if (answer.rcode === RCODE.NXDOMAIN) return denied('no_name', answer)
  if (answer.rcode === RCODE.REFUSED) {
    const reason = errorOf(answer)?.text || 'resolver_refused'
    return found({ kind: 'refused', reason }, DENIAL_S)
  }
  if (answer.rcode !== RCODE.NOERROR) return failure(errorOf(answer)?.text || 'resolver_failed')
  const answers = answer.records.filter(({ section }) => section === 'answer')
  const addresses = answers.filter((record) => record.type === type)
  if (addresses.length > 0) {
    const seconds = Math.min(...addresses.map(({ ttl }) => ttl))
    return found({ kind: 'exists' }, Math.max(1, Math.min(seconds, LONGEST_S)))
  }
  const isAlias = answers.some((record) => record.type === TYPE.CNAME)
  return { ...denied('no_address', answer), isAlias }
}

function denied(kind: 'no_address' | 'no_name', answer: DnsAnswer): Looked {
  const seconds = Math.min(negativeTtl(answer) ?? DENIAL_S, LONGEST_S)
  const error = errorOf(answer)
  const isExplained = kind === 'no_name' && error !== undefined
  return found(isExplained ? { kind, seconds, error } : { kind, seconds }, seconds)
}

function errorOf({ edns }: DnsAnswer): ExtendedError | undefined {
  return edns && readExtendedError(edns.options)
}

function denial(kind: 'no_address' | 'no_name'): Existence {
  return { kind, seconds: LONGEST_S }
}

function failure(reason: string): Looked {
  return { ...found({ kind: 'failed', reason }, FAILURE_S), isFailure: true }
}

function found(value: Existence, seconds: number): Looked {
  return { value, ttlMs: seconds * 1000, isAlias: false }
}
