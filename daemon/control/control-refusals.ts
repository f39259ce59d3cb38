/** Why commands of `zt` fail: codes, and sentences with the remedy. */
import type { Device } from '../device-client.ts'
import type { PortalRefusal } from '../life/portal-job.ts'
import { type LocalReason, localRefusal } from '../listen/refusal.ts'
import { refusalOf } from '../status.ts'
import type { ControlFailure } from './control-server.ts'

/** A question without an answer: what the tunnel's state says is more to the point than the question's error. */
export function askFailure(reason: string, { tunnel }: Device): ControlFailure {
  const refusal = tunnel === undefined ? 'not_enrolled' : refusalOf(tunnel.status)
  if (refusal !== undefined) return failureFor(refusal)
  if (reason === 'too_many_questions') return TOO_MANY_QUESTIONS
  return { code: reason, message: 'The gateway gave no answer. Try again; see "zt status".' }
}

export function failureFor(reason: LocalReason): ControlFailure {
  return { code: reason, message: localRefusal(reason).detail ?? reason }
}

export const LOCKED: ControlFailure = {
  code: 'locked',
  message:
    'Your organisation keeps the tunnel of this device on. An administrator can give you a code for a while, for "zt override".',
}
export const CODE_REFUSALS = {
  not_locked: 'This device is not locked: nothing has to be overridden.',
  bad_code: 'This is no override code: it has four groups of four letters and digits.',
  wrong_code: 'This code is mistyped, or not for this device.',
  code_expired: 'This code has expired. Ask for another one.',
  code_used: 'This code was used already. Ask for another one.',
  too_many_guesses: 'Too many wrong codes. Wait ten minutes.',
} as const
export const PORTAL_REFUSALS: Readonly<Record<PortalRefusal['reason'], string>> = {
  no_portal:
    'No captive portal was found. See "zt status", and "zt doctor" for the way to the gateway.',
  portal_not_blocked: 'Nothing keeps you from the captive portal: open it in a browser.',
  portal_forbidden: 'Captive portals are not opened on this device (captive_portal is 0).',
  portal_is_ours: 'What poses as a captive portal bears a name or an address of your organisation.',
  portal_unreachable: 'The captive portal has no address that leads anywhere.',
  portal_port:
    'The page of the captive portal is at another port than 53, 80 and 443, which alone are opened.',
  daemon_is_user:
    'zt-daemon runs as a user whose traffic it takes. Let it run as a user of its own, as a service.',
}
const TOO_MANY_QUESTIONS: ControlFailure = {
  code: 'too_many_questions',
  message: 'This device asked too often. Wait a minute.',
}
export const BUSY: ControlFailure = {
  code: 'login_in_progress',
  message: 'Another enrolment or login is going on. Finish it, or wait until it expires.',
}
export const ALREADY_ENROLLED: ControlFailure = {
  code: 'already_enrolled',
  message: 'This device is enrolled. Run "zt login" to log in again, or "zt logout" first.',
}
