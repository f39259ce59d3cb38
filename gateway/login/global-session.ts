/**
 * The global session: a browser that has logged in here stays known for a while, so that its user need not type again
 * for the next purpose. It counts with the time and the methods of the login that it began with, never as a fresh one.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Sessions } from '../session/sessions-store.ts'
import type { Store } from '../store/store.ts'
import { cookieValue, setCookie } from './cookies.ts'
import type { Arrival } from './errand.ts'

/** Bound to this host, sent only over TLS, unreadable for scripts. */
export const GLOBAL_COOKIE = '__Host-zt_global'

/** A session that is in force. */
export type GlobalSession = Arrival & { readonly idSha256: string }

export interface GlobalSessions {
  /** A new session, whatever the browser had before. @returns its cookie; undefined where there are none. */
  begin(arrival: Arrival): string | undefined
  /** The session of a `Cookie` header, if it is in force. */
  find(header: string | undefined): GlobalSession | undefined
  /** Revokes the session of a `Cookie` header. @returns the cookie that ends it. */
  end(header: string | undefined): string
}

export type GlobalSessionDeps = {
  readonly store: Pick<Store, 'users' | 'browserSessions'>
  readonly sessions: Pick<Sessions, 'loginsNotBefore'>
  /** Life of a session, ms; 0 = there are none. */
  readonly lengthMs: number
  /** Unix milliseconds. */
  readonly now: () => number
}

export function openGlobalSessions(deps: GlobalSessionDeps): GlobalSessions {
  const { store, now } = deps
  return {
    begin: (arrival) => begin(deps, arrival),
    find: (header) => find(deps, header),
    end(header) {
      const id = idIn(header)
      if (id !== undefined) store.browserSessions.revoke(digest(id), now())
      return setCookie(GLOBAL_COOKIE, '', { maxAgeSeconds: 0, sentWith: 'Lax' })
    },
  }
}

function begin(
  { store, lengthMs, now }: GlobalSessionDeps,
  { user, login }: Arrival,
): string | undefined {
  const createdAtMs = now()
  const expiresAtMs = Math.min(createdAtMs + lengthMs, login.notAfterMs ?? Number.POSITIVE_INFINITY)
  if (expiresAtMs <= createdAtMs) return undefined
  store.browserSessions.deleteExpired(createdAtMs)
  const id = randomBytes(32).toString('base64url')
  const idSha256 = digest(id)
  store.browserSessions.insert({ idSha256, userId: user.id, login, createdAtMs, expiresAtMs })
  const maxAgeSeconds = Math.floor((expiresAtMs - createdAtMs) / 1000)
  return setCookie(GLOBAL_COOKIE, id, { maxAgeSeconds, sentWith: 'Lax' })
}

function find(
  { store, sessions, lengthMs, now }: GlobalSessionDeps,
  header: string | undefined,
): GlobalSession | undefined {
  const id = idIn(header)
  const session = id === undefined ? undefined : store.browserSessions.get(digest(id))
  if (session === undefined || session.revokedAtMs !== undefined) return undefined
  // The length as it is configured now: a shorter one counts for sessions that were begun before.
  const endsAtMs = Math.min(session.expiresAtMs, session.createdAtMs + lengthMs)
  if (endsAtMs <= now()) return undefined
  // Whoever ends all sessions of a user ends this one too.
  const { allMs = Number.NEGATIVE_INFINITY } = sessions.loginsNotBefore(session) ?? {}
  if (session.login.atMs <= allMs) return undefined
  const user = store.users.get(session.userId)
  if (user === undefined || user.disabledAtMs !== undefined) return undefined
  return { user, login: session.login, idSha256: session.idSha256 }
}

function idIn(header: string | undefined): string | undefined {
  return cookieValue(header ?? '', GLOBAL_COOKIE)
}

function digest(id: string): string {
  return createHash('sha256').update(id).digest('hex')
}
