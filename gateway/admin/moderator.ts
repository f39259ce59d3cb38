/** Whether a person may moderate a session, as the administrator who asks for it names them. */
import { err, ok, type Result } from '#lib/result'
import { isApprover } from '../access-request/approvers.ts'
import type { LiveSession } from '../live/live-session.ts'
import type { ModeratedSession } from '../live/moderation.ts'
import type { HttpRefusal } from '../web/refuse.ts'
import type { AdminDeps } from './admin-deps.ts'

const refusal = (status: number, code: string, message: string): HttpRefusal => ({
  status,
  code,
  message,
})
const NOT_MODERATED = refusal(
  409,
  'not_moderated',
  'This session needs no moderator. Watch it without --moderate.',
)
const OWN_SESSION = refusal(403, 'own_session', 'Nobody moderates a session of their own.')
const NOT_A_MODERATOR = refusal(
  403,
  'not_a_moderator',
  'The policy of this application does not name this person as a moderator, or nobody of this address ever logged in.',
)

/** @returns the session to join, or why this person may not. */
export function findModerated(
  { about, moderation }: LiveSession,
  email: string,
  { store, policy, nowMs }: Pick<AdminDeps, 'store' | 'policy' | 'nowMs'>,
): Result<ModeratedSession, HttpRefusal> {
  if (moderation === undefined) return err(NOT_MODERATED)
  const persons = store.users.byEmail(email)
  const isOwn = email === about.user || persons.some(({ id }) => id === moderation.userId)
  if (isOwn) return err(OWN_SESSION)
  const compiled = policy()
  const application = compiled.applicationList.find(({ name }) => name === about.application)
  const isNamed =
    application?.moderators !== undefined &&
    persons.some((one) => isApprover(compiled, application.moderators, one, nowMs() / 1000))
  return isNamed ? ok(moderation) : err(NOT_A_MODERATOR)
}
