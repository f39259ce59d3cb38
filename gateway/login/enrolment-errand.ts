/**
 * Logging in to let a device in: it ends at a page that asks for confirmation.
 */
import { judgeLogin } from '../prompt/asked.ts'
import type { Errand } from './errand.ts'
import { newToken, type Purpose } from './journey.ts'
import type { LoginDeps } from './login-deps.ts'
import { ownerRefusal } from './page-reasons.ts'
import { moveTo, showMessage } from './page-replies.ts'

/** A new device lasts: a browser that was left open must not be enough for one. */
const EARLIER_LOGIN = { maxAgeSeconds: 900 }

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
      enrolment.deviceId === undefined && judgeLogin(EARLIER_LOGIN, login, deps.now()).ok,
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
