/**
 * Which logins count no more. A revocation names whose sessions end; every login up to its time is worthless there,
 * and a later one is good again.
 */
import type { LoginsNotBefore } from '../policy/facts.ts'

/** Whose sessions a revocation ends. */
export type RevocationScope =
  | { readonly kind: 'user'; readonly userId: string }
  | { readonly kind: 'device'; readonly deviceId: string }
  /** Every device's session with this application. */
  | { readonly kind: 'application'; readonly application: string }
  | {
      readonly kind: 'application_session'
      readonly deviceId: string
      readonly application: string
    }

/** A revocation as it is stored: the newest of each scope. */
export type Revocation = { readonly scope: string; readonly notBeforeMs: number }

/** A scope as one text, which is its key. Ids hold no colon; names of applications may. */
export function scopeKey(scope: RevocationScope): string {
  switch (scope.kind) {
    case 'user':
      return `user:${scope.userId}`
    case 'device':
      return `device:${scope.deviceId}`
    case 'application':
      return `application:${scope.application}`
    case 'application_session':
      return `application_session:${scope.deviceId}:${scope.application}`
  }
}

/** All revocations, ready to be asked for each flow. */
export interface Revocations {
  /** Takes one in; of two of one scope the later counts. */
  add(revocation: Revocation): void
  /** What counts for a user; undefined when every login does. */
  of(whose: Whose): LoginsNotBefore | undefined
}

/** Whose logins: of a user on a device, or, without one, in a browser. */
export type Whose = { readonly userId: string; readonly deviceId?: string }

type Times = Map<string, number>

export function createRevocations(stored: readonly Revocation[]): Revocations {
  const subjects: Times = new Map()
  const everybody: Times = new Map()
  const byDevice = new Map<string, Times>()

  function add({ scope, notBeforeMs }: Revocation): void {
    const [kind, ...rest] = scope.split(':')
    if (kind === 'application') keepLatest(everybody, rest.join(':'), notBeforeMs)
    else if (kind === 'application_session') {
      const [deviceId = '', ...application] = rest
      const times = byDevice.get(deviceId) ?? new Map<string, number>()
      byDevice.set(deviceId, times)
      keepLatest(times, application.join(':'), notBeforeMs)
    } else keepLatest(subjects, scope, notBeforeMs)
  }

  for (const revocation of stored) add(revocation)
  return {
    add,
    of({ userId, deviceId = '' }) {
      const user = subjects.get(`user:${userId}`)
      const device = subjects.get(`device:${deviceId}`)
      const own = byDevice.get(deviceId)
      const allMs = Math.max(user ?? 0, device ?? 0)
      if (allMs === 0 && own === undefined && everybody.size === 0) return undefined
      return {
        ...(allMs > 0 && { allMs }),
        applicationMs: Object.fromEntries(latestOf(everybody, own)),
      }
    },
  }
}

function latestOf(a: Times, b: Times = new Map()): Times {
  const latest = new Map(a)
  for (const [key, ms] of b) keepLatest(latest, key, ms)
  return latest
}

function keepLatest(times: Times, key: string, ms: number): void {
  times.set(key, Math.max(times.get(key) ?? 0, ms))
}
