/**
 * The life of one device code (RFC 8628 section 3.5), decided on values:
 *
 *   pending ──approve──► approved ──poll──► used        every state ──10 minutes──► expired
 *      └─────deny──────► denied
 */
import type { EnrolReason } from '#lib/api/enrol-api'
import { err, ok, type Result } from '#lib/result'
import type { Device, Enrolment } from '../store/store.ts'

/** Life of both codes, ms: time to find the browser, log in and pass a second factor. */
export const CODE_LIFETIME_MS = 600_000
/** What devices are told to keep between two polls, seconds. */
export const POLL_INTERVAL_SECONDS = 2
/** Faster than this is too fast, ms: less than the interval, since requests arrive unevenly. */
const POLL_MINIMUM_MS = 1_000

/** What a poll is answered with: go on and issue, or a reason. */
export type PollVerdict = 'issue' | EnrolReason

/**
 * Decides one poll.
 * @param lastPollMs when the same code was asked for before, Unix ms.
 */
export function pollVerdict(
  enrolment: Enrolment | undefined,
  lastPollMs: number | undefined,
  nowMs: number,
): PollVerdict {
  if (enrolment === undefined) return 'invalid_grant'
  if (enrolment.expiresAtMs <= nowMs) return 'expired_token'
  if (lastPollMs !== undefined && nowMs - lastPollMs < POLL_MINIMUM_MS) return 'slow_down'
  switch (enrolment.state) {
    case 'pending':
      return 'authorization_pending'
    case 'denied':
      return 'access_denied'
    case 'used':
      return 'invalid_grant'
    case 'approved':
      return 'issue'
  }
}

/** Whether a person may still decide on it. */
export function isOpen(enrolment: Enrolment | undefined, nowMs: number): enrolment is Enrolment {
  return enrolment?.state === 'pending' && enrolment.expiresAtMs > nowMs
}

/**
 * Whether this user may have the key of this enrolment. One registration is one key and one user.
 * @param registered the registration of the key as it stands now.
 */
export function ownerVerdict(
  enrolment: Pick<Enrolment, 'deviceId'>,
  registered: Device | undefined,
  userId: string,
): Result<void, EnrolReason> {
  if (registered === undefined) return ok(undefined)
  if (registered.revokedAtMs !== undefined) return err('device_revoked')
  if (registered.userId === userId) return ok(undefined)
  // A fresh login says who it is for; an enrolment that came second did not know.
  return err(enrolment.deviceId === undefined ? 'already_enrolled' : 'different_user')
}

/**
 * Whether a name may be shown: no control, format or direction characters that would make a page lie (T93).
 * Markup is no matter here: pages encode.
 */
export function isDisplayName(name: string): boolean {
  return name.trim() !== '' && !/[\p{C}\p{Zl}\p{Zp}]/u.test(name)
}
