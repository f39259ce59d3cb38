/**
 * Judges what the two ends ask for inside a session. Total: what is not known is refused.
 */
import { SshReader } from '#lib/ssh/reader'
import type { AskedForwards } from './asked-forwards.ts'
import type { Opening } from './channel-table.ts'
import { type ForwardTarget, printForwardTarget, readForwardTarget } from './forward-target.ts'
import type { Grants } from './grants.ts'
import type { Request } from './messages.ts'
import {
  GLOBAL_REQUESTS,
  HARMLESS_REQUESTS,
  type RefusalReason,
  type RequestMeaning,
  TARGET_REQUESTS,
  USER_REQUESTS,
} from './request-rules.ts'
import type { Side } from './side.ts'

/** What is to become of a request on a channel. */
export type Verdict =
  | ({ readonly kind: 'pass' } & Pick<RequestMeaning, 'event' | 'program' | 'forwards'>)
  | {
      readonly kind: 'refuse'
      readonly reason: RefusalReason
      readonly target?: string | undefined
    }
  | { readonly kind: 'malformed' }

/** What is to become of a global request. */
export type GlobalVerdict =
  | {
      readonly kind: 'pass'
      /** Where the target will listen. */
      readonly listens?: ForwardTarget
      /** Where it will no longer. */
      readonly cancels?: ForwardTarget
    }
  | {
      readonly kind: 'refuse'
      readonly reason: RefusalReason
      readonly target?: string | undefined
    }

const UNKNOWN = { kind: 'refuse', reason: 'unknown_type' } as const
const MALFORMED: Verdict = { kind: 'malformed' }

/** Judges a CHANNEL_REQUEST that `from` sent. */
export function judgeChannelRequest(
  from: Side,
  request: Request,
  channel: { readonly index: number; readonly kind: string },
  grants: Grants,
): Verdict {
  const rule = rulesFor(from, channel.kind).get(request.name)
  if (rule === undefined) return UNKNOWN
  const reader = new SshReader(request.rest)
  const { verb, refusal, target, event, program, forwards } = rule(reader, channel.index, grants)
  const granted = verb === undefined || grants.allows(verb)
  const reason = granted ? refusal : 'verb_not_granted'
  if (reason !== undefined) return { kind: 'refuse', reason, target }
  if (!reader.complete) return MALFORMED
  return {
    kind: 'pass',
    ...(event && { event }),
    ...(program && { program }),
    ...(forwards && { forwards }),
  }
}

/** Programs run in sessions only; in a forwarding nothing is asked for. */
function rulesFor(from: Side, kind: string) {
  if (kind !== 'session') return HARMLESS_REQUESTS
  return from === 'user' ? USER_REQUESTS : TARGET_REQUESTS
}

/** Judges a GLOBAL_REQUEST; a refused forwarding names the address it asked for. */
export function judgeGlobalRequest(
  from: Side,
  request: Request,
  grants: Grants,
  asked: AskedForwards,
): GlobalVerdict {
  if (GLOBAL_REQUESTS[from].has(request.name)) return { kind: 'pass' }
  const target = from === 'user' ? readForwardTarget(request.name, request.rest) : undefined
  if (target === undefined) return UNKNOWN
  switch (request.name) {
    case 'tcpip-forward':
    case 'streamlocal-forward@openssh.com':
      return judgeListener(target, grants, asked)
    case 'cancel-tcpip-forward':
    case 'cancel-streamlocal-forward@openssh.com':
      return grants.listensAt(target) ? { kind: 'pass', cancels: target } : notGranted(target)
    default:
      return UNKNOWN
  }
}

function judgeListener(
  listens: ForwardTarget,
  grants: Grants,
  asked: AskedForwards,
): GlobalVerdict {
  if (!grants.listensAt(listens)) return notGranted(listens)
  if (!asked.full) return { kind: 'pass', listens }
  return { kind: 'refuse', reason: 'too_many_channels', target: printForwardTarget(listens) }
}

function notGranted(target: ForwardTarget): GlobalVerdict {
  return { kind: 'refuse', reason: 'verb_not_granted', target: printForwardTarget(target) }
}

/** Kinds of channels that the user may open besides sessions. */
const USER_FORWARDS = new Set(['direct-tcpip', 'direct-streamlocal@openssh.com'])
/** Kinds of channels that the target may open where the user asked for it (T44). */
const TARGET_KINDS = new Set([
  'forwarded-tcpip',
  'forwarded-streamlocal@openssh.com',
  'auth-agent@openssh.com',
  'x11',
])

/** Judges CHANNEL_OPEN. @returns why it is refused, or undefined when it passes. */
export function judgeChannelOpen(
  from: Side,
  { kind, target }: Pick<Opening, 'kind' | 'target'>,
  grants: Grants,
  asked: AskedForwards,
): RefusalReason | undefined {
  if (from === 'target') {
    return TARGET_KINDS.has(kind) && asked.covers(kind, target) ? undefined : 'opened_by_target'
  }
  if (kind === 'session') return undefined
  if (!USER_FORWARDS.has(kind) || target === undefined) return 'unknown_type'
  return grants.reaches(target) ? undefined : 'verb_not_granted'
}
