/**
 * Application sessions: one device at one application, made of one login. They are kept to be looked at and ended; what
 * a session admits to is decided anew for each flow from the login itself (gateway/policy/session.ts).
 */
import type { LoginContext } from '../identity/identity.ts'
import type { LoginsNotBefore } from '../policy/facts.ts'

/** One session. Times are Unix milliseconds. */
export type AppSession = {
  readonly id: string
  readonly deviceId: string
  readonly userId: string
  readonly application: string
  /** The login it is made of; another login makes another session. */
  readonly login: LoginContext
  readonly startedAtMs: number
  /** To the minute. */
  readonly lastUsedAtMs: number
  /** Absent: nothing but a revocation ends it. */
  readonly endsAtMs?: number
}

/** What became of a session. */
export type AppSessionState = 'alive' | 'expired' | 'revoked'

export function stateOf(
  { application, login, endsAtMs }: AppSession,
  { allMs = 0, applicationMs = {} }: LoginsNotBefore,
  nowMs: number,
): AppSessionState {
  const own = Object.hasOwn(applicationMs, application) ? applicationMs[application] : undefined
  if (login.atMs <= Math.max(allMs, own ?? 0)) return 'revoked'
  return endsAtMs !== undefined && endsAtMs <= nowMs ? 'expired' : 'alive'
}
