/**
 * The end of an enrolment: the device polls, and when a person has confirmed it collects its certificate, once.
 */
import type { Enrolled } from '#lib/api/enrol-api'
import { err } from '#lib/result'
import type { Enrolment } from '../store/store.ts'
import { enlist } from './enlist.ts'
import { about, codeDigest, type EnrolDeps, type Memories, type Outcome } from './enrol-deps.ts'
import { pollVerdict } from './enrolment.ts'

/** See `Enrolments.poll`. */
export async function poll(
  deps: EnrolDeps,
  memory: Memories,
  deviceCode: string,
): Outcome<Enrolled> {
  const key = codeDigest(deviceCode)
  const enrolment = deps.store.enrolments.byDeviceCode(key)
  const kept = memory.get(key)
  const nowMs = deps.now()
  const verdict = pollVerdict(enrolment, kept?.lastPollMs, nowMs)
  if (enrolment === undefined) return err('invalid_grant')
  memory.set(key, { ...kept, expiresAtMs: enrolment.expiresAtMs, lastPollMs: nowMs })
  if (verdict === 'access_denied') return err(kept?.reason ?? verdict)
  return verdict === 'issue' ? collect(deps, enrolment) : err(verdict)
}

/** The code is spent before anything is made, so that two polls at once get one certificate. */
async function collect(deps: EnrolDeps, enrolment: Enrolment): Outcome<Enrolled> {
  const { store } = deps
  const { deviceCodeSha256, userId = '', login } = enrolment
  const user = store.users.get(userId)
  if (user === undefined || login === undefined) return err('invalid_grant')
  if (!store.enrolments.move(deviceCodeSha256, 'approved', 'used')) return err('invalid_grant')
  const enrolled = await enlist(deps, { ...enrolment, user, login })
  if (!enrolled.ok) return enrolled
  const { device_id: deviceId } = enrolled.value
  deps.log.info(about(enrolment, { deviceId, userId: user.id }), 'device enrolled')
  return enrolled
}
