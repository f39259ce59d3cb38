/**
 * The sessions of this gateway: noted as flows are permitted, listed, revoked. What is noted survives a restart.
 */
import { randomUUID } from 'node:crypto'
import type { Log } from '#lib/log'
import type { AccessChange } from '../access-change.ts'
import type { Permit } from '../policy/decision.ts'
import type { Facts, LoginsNotBefore } from '../policy/facts.ts'
import type { Store } from '../store/store.ts'
import type { AppSession } from './app-session.ts'
import { createRevocations, type RevocationScope, scopeKey, type Whose } from './revocation.ts'

/** How exactly the last use is stored, ms: a write for each flow would cost more than it tells. */
const USE_RESOLUTION_MS = 60_000
/** A session that was not used for this long is forgotten, ms. */
const KEPT_MS = 30 * 86_400_000

export type SessionsDeps = {
  readonly store: Pick<Store, 'revocations' | 'appSessions'>
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

export interface Sessions {
  /** Logins that count no more. */
  loginsNotBefore(whose: Whose): LoginsNotBefore | undefined
  /** Notes that an application was used under a permit. @returns the session; undefined where a permit is made of none. */
  used(permit: Permit, facts: Facts): AppSession | undefined
  /** Makes every login up to now worthless in this scope. The change is still to be told. @returns what to tell. */
  revoke(scope: RevocationScope): AccessChange
}

export function openSessions({ store, log, now }: SessionsDeps): Sessions {
  const revocations = createRevocations(store.revocations.list())
  const forgetUnused = () => store.appSessions.deleteUnused(now() - KEPT_MS)
  forgetUnused()
  const known = new Map(store.appSessions.list({}).map((one) => [keyOf(one), one]))

  function keep(session: AppSession): AppSession {
    known.set(keyOf(session), session)
    store.appSessions.put(session)
    return session
  }

  return {
    loginsNotBefore: revocations.of,
    used({ application, sessionEndsAtMs: endsAtMs }, { subject }) {
      const { deviceId, userId, login } = subject
      if (application === undefined || login === undefined) return undefined
      const lastUsedAtMs = now()
      const end = endsAtMs === undefined ? {} : { endsAtMs }
      const session = known.get(keyOf({ deviceId, application }))
      if (session?.login.atMs !== login.atMs) {
        forgetUnused()
        const times = { startedAtMs: lastUsedAtMs, lastUsedAtMs, ...end }
        return keep({ id: randomUUID(), deviceId, userId, application, login, ...times })
      }
      const isFresh = lastUsedAtMs - session.lastUsedAtMs < USE_RESOLUTION_MS
      if (isFresh && session.endsAtMs === endsAtMs) return session
      const { endsAtMs: _, ...rest } = session
      return keep({ ...rest, ...end, lastUsedAtMs })
    },
    revoke(scope) {
      const revocation = { scope: scopeKey(scope), notBeforeMs: now() }
      store.revocations.put(revocation)
      revocations.add(revocation)
      log.info({ ...scope }, 'sessions revoked')
      return changeOf(scope)
    },
  }
}

function keyOf({ deviceId, application }: Pick<AppSession, 'deviceId' | 'application'>): string {
  return `${deviceId} ${application}`
}

function changeOf(scope: RevocationScope): AccessChange {
  switch (scope.kind) {
    case 'user':
      return { kind: 'user', userId: scope.userId }
    case 'application':
      return { kind: 'application', application: scope.application }
    case 'device':
    case 'application_session':
      return { kind: 'device', deviceId: scope.deviceId }
  }
}
