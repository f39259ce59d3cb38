/**
 * Logging in for a connection that waits.
 */
import { err, type Result } from '#lib/result'
import type { Prompt, PromptReason } from '../prompt/prompts.ts'
import type { Errand } from './errand.ts'
import type { Purpose } from './journey.ts'
import type { LoginDeps } from './login-deps.ts'
import { promptRefusal } from './page-reasons.ts'
import { showMessage } from './page-replies.ts'

/** The errand while the prompt is open. */
export function promptErrand(
  deps: LoginDeps,
  { promptId }: Extract<Purpose, { readonly for: 'prompt' }>,
): Errand | undefined {
  const prompt = deps.prompts.find(promptId)
  if (prompt === undefined || prompt.remedy === 'approval') return undefined
  const { maxAgeSeconds, acrValues } = prompt
  return {
    wish: {
      ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
      ...(acrValues !== undefined && { acrValues }),
    },
    async arrive(reply, { user, login }) {
      const isTheirs = user.id === prompt.userId
      const done: Result<void, PromptReason> = isTheirs
        ? deps.prompts.loggedIn(prompt, user, login)
        : err('different_user')
      if (done.ok) return reply.redirect('/prompt/done', 303)
      logRefusal(deps, prompt, { userId: user.id, reason: done.error })
      return showMessage(deps, reply, promptRefusal(done.error))
    },
  }
}

function logRefusal(
  { log }: LoginDeps,
  { id, userId: wantedUserId, deviceId, application }: Prompt,
  about: Readonly<Record<string, unknown>>,
): void {
  log.warn({ promptId: id, wantedUserId, deviceId, application, ...about }, 'prompt refused')
}
