/**
 * Judges what the two ends ask for inside a session. Total: what is not known is refused.
 */
import type { SessionEvent } from '#lib/recording/session-event'
import { SshReader } from '#lib/ssh/reader'
import type { Request } from './messages.ts'
import {
  forwardTarget,
  GLOBAL_REQUESTS,
  type RefusalReason,
  type RequestMeaning,
  type SshVerb,
  TARGET_REQUESTS,
  USER_REQUESTS,
} from './request-rules.ts'
import type { Side } from './side.ts'

/** What every SSH permit grants. */
export const DEFAULT_VERBS: ReadonlySet<SshVerb> = new Set<SshVerb>([
  'shell',
  'exec',
  'sftp',
  'pty',
  'env',
  'signal',
])

/** What is to become of a request. */
export type Verdict =
  | {
      readonly kind: 'pass'
      readonly event?: SessionEvent | undefined
      readonly program?: RequestMeaning['program'] | undefined
    }
  | {
      readonly kind: 'refuse'
      readonly reason: RefusalReason
      readonly target?: string | undefined
    }
  | { readonly kind: 'malformed' }

const PASS: Verdict = { kind: 'pass' }
const UNKNOWN: Verdict = { kind: 'refuse', reason: 'unknown_type' }
const MALFORMED: Verdict = { kind: 'malformed' }

/** Judges a CHANNEL_REQUEST that `from` sent on the channel with that index. */
export function judgeChannelRequest(
  from: Side,
  request: Request,
  channel: number,
  verbs: ReadonlySet<SshVerb>,
): Verdict {
  const rule = (from === 'user' ? USER_REQUESTS : TARGET_REQUESTS).get(request.name)
  if (rule === undefined) return UNKNOWN
  const reader = new SshReader(request.rest)
  const { verb, refusal, target, event, program } = rule(reader, channel)
  if (refusal !== undefined) return { kind: 'refuse', reason: refusal, target }
  if (!reader.complete) return MALFORMED
  const granted = verb === undefined || verbs.has(verb)
  return granted
    ? { kind: 'pass', event, program }
    : { kind: 'refuse', reason: 'verb_not_granted', target }
}

/** Judges a GLOBAL_REQUEST; a refused forwarding names the address it asked for. */
export function judgeGlobalRequest(from: Side, request: Request): Verdict {
  if (GLOBAL_REQUESTS[from].has(request.name)) return PASS
  const target = forwardTarget(request.name, request.rest)
  return target === undefined ? UNKNOWN : { kind: 'refuse', reason: 'verb_not_granted', target }
}

/** Judges CHANNEL_OPEN. The target may open nothing: no agent, X11 or forwarding was ever granted. */
export function judgeChannelOpen(from: Side, kind: string, fields: Buffer): Verdict {
  const target = forwardTarget(kind, fields)
  if (from === 'target') return { kind: 'refuse', reason: 'opened_by_target', target }
  if (kind === 'session') return PASS
  return target === undefined ? UNKNOWN : { kind: 'refuse', reason: 'verb_not_granted', target }
}
