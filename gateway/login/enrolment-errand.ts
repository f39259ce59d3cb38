/**
 * Logging in to let a device in: it ends at a page that asks for confirmation.
 */
import { type Errand, isWithin } from './errand.ts'
import { newToken, type Purpose } from './journey.ts'
import type { LoginDeps } from './login-deps.ts'
import { ownerRefusal } from './page-reasons.ts'
import { moveTo, showMessage } from './page-replies.ts'

/** A new device lasts: a browser that was left open must not be enough for one, seconds. */
const EARLIER_LOGIN_LIMIT_SECONDS = 900

/** The errand while the enrolment is open. */
export function enrolmentErrand(
  deps: LoginDeps,
  purpose: Extract<Purpose, { readonly for: 'enrolment' }>,
): Errand | undefined {
  const enrolment = deps.enrolments.findOpen(purpose.deviceCodeSha256)
  if (enrolment === undefined) return undefined
  return {
    wish: {},
    // A device that is enrolled already asks for a fresh login: an earlier one would give it nothing.
    accepts: ({ login }) =>
      enrolment.deviceId === undefined && isWithin(login, EARLIER_LOGIN_LIMIT_SECONDS, deps.now()),
    async arrive(reply, { user, login }) {
      const admitted = deps.enrolments.admit(enrolment, user)
      if (!admitted.ok) return showMessage(deps, reply, ownerRefusal(admitted.error))
      await moveTo(deps, reply, {
        at: 'confirm',
        purpose,
        csrf: newToken(),
        userId: user.id,
        login,
      })
      // By a redirect, so that the provider's code leaves the address bar and the history.
      await reply.redirect('/device/confirm', 303)
    },
  }
}
