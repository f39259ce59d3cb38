/**
 * Rows of the store as the admin API shows them: RFC 3339 times, no key material. Pure.
 */
import type { FlowRecord } from '../flow/flow-record.ts'
import type { JudgedCheck } from '../posture/observations.ts'
import { serviceOf } from '../service-token/service-token.ts'
import type { Device, RecordingRow, User } from '../store/store.ts'

const time = (ms: number): string => new Date(ms).toISOString()

/** Drops what is absent, prints what is there. */
export function times<K extends string>(
  values: Readonly<Record<K, number | undefined>>,
): { [key in K]?: string } {
  const entries = Object.entries<number | undefined>(values).flatMap(([key, ms]) =>
    ms === undefined ? [] : [[key, time(ms)]],
  )
  return Object.fromEntries(entries) as { [key in K]?: string }
}

/** Whose a device is: a person's address, or a service. */
function ownerJson(user: User | undefined) {
  const service = serviceOf(user)
  return service === undefined ? { user: user?.email ?? null } : { user: null, service }
}

/** A device with its user. */
export function deviceJson(device: Device, user: User | undefined) {
  return {
    id: device.id,
    name: device.name,
    ...ownerJson(user),
    keySha256: device.keySha256,
    revoked: device.revokedAtMs !== undefined,
    ...times({
      enrolledAt: device.enrolledAtMs,
      lastLoginAt: device.login.atMs,
      lastSeenAt: device.lastSeenAtMs,
      certificateNotAfter: device.certificateNotAfterMs,
      revokedAt: device.revokedAtMs,
    }),
  }
}

/** A posture check of a device: the judgement, and what the device said. */
export function postureJson({ validUntilMs, observation, ...judged }: JudgedCheck) {
  return {
    ...judged,
    ...times({
      observedAt: observation?.observedAtMs,
      validUntil: judged.passed ? validUntilMs : undefined,
    }),
    ...(observation !== undefined && { lookAt: observation.lookAt, found: observation.found }),
  }
}

/** A flow with everything that was decided about it. */
export function flowJson({ openedAtMs, decidedAtMs, closedAtMs, ...rest }: FlowRecord) {
  return {
    ...rest,
    ...times({ openedAt: openedAtMs, decidedAt: decidedAtMs, closedAt: closedAtMs }),
  }
}

/** A recording as listings show it; its content stays sealed. */
export function recordingJson(row: RecordingRow) {
  const { startedAtMs, endedAtMs, userEmail, file: _file, hold, erased, ...rest } = row
  return {
    ...{ ...rest, user: userEmail },
    ...times({ startedAt: startedAtMs, endedAt: endedAtMs }),
    ...(hold && { hold: { reason: hold.reason, at: time(hold.atMs) } }),
    ...(erased && { erased: { reason: erased.reason, how: erased.how, at: time(erased.atMs) } }),
  }
}
