/**
 * The page of a connection that waits: what waits, for whom, and how to go on.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { gated } from './gated.ts'
import { offerLogin } from './login-choice.ts'
import type { LoginDeps } from './login-deps.ts'
import { PROMPT_DONE, PROMPT_GONE } from './page-reasons.ts'
import { showMessage, showPage } from './page-replies.ts'
import { approvalPage, promptPage } from './prompt-pages.ts'
import { sourceOf } from './source.ts'

/** Adds the routes to the scope of the pages. */
export function addPromptRoutes(app: FastifyInstance, deps: LoginDeps): void {
  app.get('/prompt/done', (_request, reply) => showMessage(deps, reply, PROMPT_DONE))
  app.get<{ Params: { id: string } }>('/prompt/:id', gated(deps, 'page'), (request, reply) =>
    showPrompt(deps, request, reply, request.params.id),
  )
}

async function showPrompt(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
): Promise<void> {
  const browserAddress = sourceOf(request)
  const prompt = deps.prompts.find(id)
  if (prompt === undefined) return showMessage(deps, reply, PROMPT_GONE)
  const shown = { ...prompt, browserAddress }
  if (prompt.remedy === 'approval') return showPage(deps, reply, approvalPage(shown))
  const choices = await offerLogin(deps, request, reply, { for: 'prompt', promptId: prompt.id })
  return showPage(deps, reply, promptPage(shown, choices))
}
