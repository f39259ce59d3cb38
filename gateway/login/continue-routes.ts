/**
 * Going on as who this browser is already: with the login of its global session, its age and its methods.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isSameText } from '#lib/same-text'
import { errandOf } from './errands.ts'
import { gated } from './gated.ts'
import { choosing } from './journey.ts'
import type { LoginDeps } from './login-deps.ts'
import { derivedToken, readForm } from './login-form.ts'
import { FORGED, START_AGAIN } from './page-reasons.ts'
import { endJourney, journeyOf, showMessage } from './page-replies.ts'
import { sourceOf } from './source.ts'

/** Adds the route to the scope of the pages. */
export function addContinueRoutes(app: FastifyInstance, deps: LoginDeps): void {
  app.post('/login/continue', gated(deps, 'login'), (request, reply) => goOn(deps, request, reply))
}

async function goOn(deps: LoginDeps, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const journey = choosing(await journeyOf(deps, request))
  const session = deps.globalSessions.find(request.headers.cookie)
  const errand = journey && errandOf(deps, journey.purpose)
  if (journey === undefined || errand === undefined || session === undefined) {
    return showMessage(deps, reply, START_AGAIN)
  }
  const form = readForm(request.body, ['csrf'])
  const wanted = derivedToken(deps.formKey, `continue ${journey.id}`)
  if (form === undefined || !isSameText(form.csrf, wanted)) {
    return showMessage(deps, reply, FORGED)
  }
  if (!errand.accepts(session)) return showMessage(deps, reply, START_AGAIN)
  endJourney(reply)
  const { user, login } = session
  const about = { source: sourceOf(request), userId: user.id, email: user.email }
  deps.log.info({ ...about, loginAtMs: login.atMs }, 'login continued')
  return errand.arrive(reply, { user, login })
}
