/**
 * Whether an application session lives. It is bound to one device and one application and made of one interactive
 * login:
 *
 *   login ──► alive ──► over: its length has passed, the provider's own end has passed, or it was revoked
 *
 * Only a later login brings it back.
 */
import type { LoginContext } from '../identity/identity.ts'

/** What bounds a session; absent bounds do not. */
export type SessionLimits = {
  /** The first that is set of policy, application, organisation. */
  readonly lengthMs?: number
  /** Logins up to this time were revoked, Unix milliseconds. */
  readonly notBeforeMs?: number
}

export type SessionVerdict =
  | { readonly state: 'alive'; readonly endsAtMs?: number }
  | {
      readonly state: 'over'
      readonly reason: 'session_expired' | 'session_revoked'
      /** Only a login younger than this brings it back, ms; absent: any. */
      readonly youngerThanMs?: number
    }

/** Judges one session at one moment. Where something bounds it, a login that is not known is over. */
export function judgeSession(
  login: LoginContext | undefined,
  { lengthMs, notBeforeMs }: SessionLimits,
  nowMs: number,
): SessionVerdict {
  const youngerThanMs = Math.min(
    lengthMs ?? Number.POSITIVE_INFINITY,
    nowMs - (notBeforeMs ?? Number.NEGATIVE_INFINITY),
  )
  const over = Number.isFinite(youngerThanMs) ? { youngerThanMs } : {}
  if (login === undefined) {
    const isBound = lengthMs !== undefined || notBeforeMs !== undefined
    return isBound ? { state: 'over', reason: 'session_expired', ...over } : { state: 'alive' }
  }
  if (notBeforeMs !== undefined && login.atMs <= notBeforeMs) {
    return { state: 'over', reason: 'session_revoked', ...over }
  }
  const endsAtMs = Math.min(
    login.atMs + (lengthMs ?? Number.POSITIVE_INFINITY),
    login.notAfterMs ?? Number.POSITIVE_INFINITY,
  )
  if (endsAtMs <= nowMs) return { state: 'over', reason: 'session_expired', ...over }
  return Number.isFinite(endsAtMs) ? { state: 'alive', endsAtMs } : { state: 'alive' }
}
