/**
 * Logging in for a connection that waits.
 */
import type { FastifyReply } from 'fastify'
import { err, type Result } from '#lib/result'
import { judgeLogin } from '../prompt/asked.ts'
import type { Prompt, PromptReason } from '../prompt/prompts.ts'
import type { Arrival, Errand } from './errand.ts'
import { newToken, type Purpose } from './journey.ts'
import type { LoginDeps } from './login-deps.ts'
import { promptRefusal } from './page-reasons.ts'
import { moveTo, showMessage } from './page-replies.ts'

/** The errand while the prompt is open. */
export function promptErrand(
  deps: LoginDeps,
  purpose: Extract<Purpose, { readonly for: 'prompt' }>,
): Errand | undefined {
  const prompt = deps.prompts.find(purpose.promptId)
  if (prompt === undefined || prompt.remedy === 'approval') return undefined
  const { maxAgeSeconds, acrValues } = prompt
  return {
    wish: {
      ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
      ...(acrValues !== undefined && { acrValues }),
    },
    forUserId: prompt.userId,
    accepts: (earlier) => suffices(prompt, earlier, deps.now()),
    async arrive(reply, { user, login }) {
      if (user.id !== prompt.userId) {
        return endPrompt(deps, reply, { prompt, user, outcome: err('different_user') })
      }
      if (prompt.remedy === 'justify') {
        await moveTo(deps, reply, { at: 'justify', purpose, csrf: newToken(), userId: user.id })
        return reply.redirect('/prompt/why', 303)
      }
      const outcome = await deps.prompts.loggedIn(prompt, user, login)
      return endPrompt(deps, reply, { prompt, user, outcome })
    },
  }
}

/** Whether an earlier login will probably do; the desk has the last word. */
function suffices(prompt: Prompt, { user, login }: Arrival, nowMs: number): boolean {
  // Methods that no context class names: the prompt does not say which.
  if (prompt.remedy === 'mfa' && prompt.acrValues === undefined) return false
  return user.id === prompt.userId && judgeLogin(prompt, login, nowMs).ok
}

type Outcome = Pick<Arrival, 'user'> & {
  readonly prompt: Prompt
  readonly outcome: Result<void, PromptReason>
}

/** Says how it ended; what did not help is logged. */
export async function endPrompt(
  deps: LoginDeps,
  reply: FastifyReply,
  { prompt, user, outcome }: Outcome,
): Promise<void> {
  if (outcome.ok) return reply.redirect('/prompt/done', 303)
  const { id: promptId, userId: wantedUserId, deviceId, application } = prompt
  deps.log.warn(
    { promptId, wantedUserId, userId: user.id, deviceId, application, reason: outcome.error },
    'prompt refused',
  )
  return showMessage(deps, reply, promptRefusal(outcome.error))
}
