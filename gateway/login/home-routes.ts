/**
 * The front page of the login origin, and the way out.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isSameText } from '#lib/same-text'
import { gated } from './gated.ts'
import { homePage, logoutPage } from './home-pages.ts'
import type { LoginDeps } from './login-deps.ts'
import { derivedToken, readForm } from './login-form.ts'
import { FORGED, LOGGED_OUT } from './page-reasons.ts'
import { endJourney, putCookie, showMessage, showPage } from './page-replies.ts'

/** Adds the routes to the scope of the pages. */
export function addHomeRoutes(app: FastifyInstance, deps: LoginDeps): void {
  const gate = gated(deps, 'page')
  const sessionOf = ({ headers }: FastifyRequest) => deps.globalSessions.find(headers.cookie)
  app.get('/', gate, (request, reply) =>
    showPage(deps, reply, homePage(sessionOf(request)?.user.email)),
  )
  app.get('/logout', gate, (request, reply) => {
    const session = sessionOf(request)
    if (session === undefined) return showMessage(deps, reply, LOGGED_OUT)
    const csrf = logoutToken(deps, session.idSha256)
    return showPage(deps, reply, logoutPage({ email: session.user.email, csrf }))
  })
  app.post('/logout', gate, (request, reply) => logOut(deps, request, reply))
}

/** Bound to the session itself: no stage of a journey is needed, and none of another tab is lost. */
function logoutToken({ formKey }: LoginDeps, idSha256: string): string {
  return derivedToken(formKey, `logout ${idSha256}`)
}

async function logOut(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { cookie } = request.headers
  const session = deps.globalSessions.find(cookie)
  if (session !== undefined) {
    const form = readForm(request.body, ['csrf'])
    const wanted = logoutToken(deps, session.idSha256)
    if (form === undefined || !isSameText(form.csrf, wanted)) {
      return showMessage(deps, reply, FORGED)
    }
    deps.log.info({ userId: session.user.id }, 'logged out')
  }
  putCookie(reply, deps.globalSessions.end(cookie))
  endJourney(reply)
  return showMessage(deps, reply, LOGGED_OUT)
}
