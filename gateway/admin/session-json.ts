/**
 * Sessions as the admin API shows them: of browsers, of devices and of applications in one list. Pure.
 */
import type { LoginsNotBefore } from '../policy/facts.ts'
import { serviceOf } from '../service-token/service-token.ts'
import { type AppSession, stateOf } from '../session/app-session.ts'
import type { BrowserSession, Device, User } from '../store/store.ts'
import { times } from './admin-json.ts'

/** What a session is shown with. */
export type SessionSubject = {
  readonly device: Device | undefined
  readonly user: User | undefined
  readonly loginsNotBefore: LoginsNotBefore
  /** Unix milliseconds. */
  readonly nowMs: number
}

/** The session of a device at one application. `endsAt` is when the next login is due. */
export function appSessionJson(session: AppSession, subject: SessionSubject) {
  const { id, application, login, startedAtMs, lastUsedAtMs, endsAtMs } = session
  return {
    id,
    kind: 'application',
    application,
    state: stateOf(session, subject.loginsNotBefore, subject.nowMs),
    ...subjectJson(subject),
    ...loginJson(login),
    ...times({ startedAt: startedAtMs, lastUsedAt: lastUsedAtMs, endsAt: endsAtMs }),
  }
}

/** Who is logged in on a device. */
export function deviceSessionJson(device: Device, subject: SessionSubject) {
  const isRevoked = device.login.atMs <= (subject.loginsNotBefore.allMs ?? 0)
  return {
    id: device.id,
    kind: 'device',
    state: device.revokedAtMs !== undefined || isRevoked ? 'revoked' : 'alive',
    ...subjectJson(subject),
    ...loginJson(device.login),
    ...times({ startedAt: device.enrolledAtMs, lastUsedAt: device.lastSeenAtMs }),
  }
}

/** A browser that is logged in at the login host. */
export function globalSessionJson(session: BrowserSession, subject: SessionSubject) {
  const { idSha256, login, createdAtMs, expiresAtMs, revokedAtMs } = session
  const isRevoked = revokedAtMs !== undefined || login.atMs <= (subject.loginsNotBefore.allMs ?? 0)
  const ended = expiresAtMs <= subject.nowMs ? 'expired' : 'alive'
  return {
    id: idSha256,
    kind: 'global',
    state: isRevoked ? 'revoked' : ended,
    ...subjectJson(subject),
    ...loginJson(login),
    ...times({ startedAt: createdAtMs, endsAt: expiresAtMs }),
  }
}

function subjectJson({ device, user }: SessionSubject) {
  const service = serviceOf(user)
  const deviceShown = device && { id: device.id, name: device.name }
  if (service !== undefined) return { service, device: deviceShown }
  return {
    user: user && {
      id: user.id,
      email: user.email,
      name: user.name,
      groups: user.groups,
      claims: user.claims,
      provider: user.provider,
    },
    device: deviceShown,
  }
}

function loginJson({ atMs, amr, acr, notAfterMs }: AppSession['login']) {
  return {
    login: {
      ...times({ at: atMs, notAfter: notAfterMs }),
      ...(amr !== undefined && { amr }),
      ...(acr !== undefined && { acr }),
    },
  }
}
