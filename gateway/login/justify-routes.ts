/**
 * Saying what a connection is for, once it is known who speaks.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isSameText } from '#lib/same-text'
import type { Prompt } from '../prompt/prompts.ts'
import type { User } from '../store/store.ts'
import { gated } from './gated.ts'
import { journeyAt, newToken } from './journey.ts'
import type { LoginDeps } from './login-deps.ts'
import { readForm } from './login-form.ts'
import { FORGED, START_AGAIN } from './page-reasons.ts'
import { endJourney, journeyOf, moveTo, showMessage, showPage } from './page-replies.ts'
import { endPrompt } from './prompt-errand.ts'
import { JUSTIFICATION_LIMIT, justifyPage } from './prompt-pages.ts'
import { sourceOf } from './source.ts'

/** Adds the routes to the scope of the pages. */
export function addJustifyRoutes(app: FastifyInstance, deps: LoginDeps): void {
  const gate = gated(deps, 'page')
  app.get('/prompt/why', gate, async (request, reply) => {
    const asked = await whatIsAsked(deps, request)
    if (asked === undefined) return showMessage(deps, reply, START_AGAIN)
    return ask(deps, request, reply, asked)
  })
  const options = { ...gate, bodyLimit: JUSTIFICATION_LIMIT * OCTETS_OF_CHARACTER }
  app.post('/prompt/why', options, (request, reply) => take(deps, request, reply))
}

/** Four octets in UTF-8, each written `%xx`; and the token fits beside them. */
const OCTETS_OF_CHARACTER = 13

type Asked = { readonly prompt: Prompt; readonly user: User; readonly csrf: string }

async function whatIsAsked(deps: LoginDeps, request: FastifyRequest): Promise<Asked | undefined> {
  const journey = journeyAt(await journeyOf(deps, request), 'justify')
  if (journey === undefined) return undefined
  const prompt = deps.prompts.find(journey.purpose.promptId)
  const user = deps.store.users.get(journey.userId)
  if (prompt?.remedy !== 'justify' || user === undefined) return undefined
  return { prompt, user, csrf: journey.csrf }
}

function ask(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { prompt, csrf, problem }: Pick<Asked, 'prompt' | 'csrf'> & { readonly problem?: string },
): Promise<void> {
  const shown = { ...prompt, browserAddress: sourceOf(request) }
  const status = problem === undefined ? 200 : 400
  return showPage(deps, reply, justifyPage(shown, { csrf, problem }), status)
}

async function take(deps: LoginDeps, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const asked = await whatIsAsked(deps, request)
  if (asked === undefined) return showMessage(deps, reply, START_AGAIN)
  const form = readForm(request.body, ['csrf', 'why'])
  if (form === undefined || !isSameText(form.csrf, asked.csrf)) {
    return showMessage(deps, reply, FORGED)
  }
  const { prompt, user } = asked
  const why = form.why.trim()
  if (isJustification(why)) {
    endJourney(reply)
    const outcome = await deps.prompts.justified(prompt, user, why)
    return endPrompt(deps, reply, { prompt, user, outcome })
  }
  const csrf = newToken()
  const purpose = { for: 'prompt', promptId: prompt.id } as const
  await moveTo(deps, reply, { at: 'justify', purpose, csrf, userId: user.id })
  const problem = `Write 1 to ${JUSTIFICATION_LIMIT} characters on one line.`
  return ask(deps, request, reply, { prompt, csrf, problem })
}

/** No control, format or direction characters that would make a log or a page lie (T93). */
function isJustification(text: string): boolean {
  const { length } = [...text]
  return length > 0 && length <= JUSTIFICATION_LIMIT && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text)
}
