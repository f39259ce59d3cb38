/**
 * The choice of a login, at the foot of the page that says what it is for.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { errandOf } from './errands.ts'
import { type Html, html } from './html.ts'
import { newToken, type Purpose } from './journey.ts'
import type { LoginDeps } from './login-deps.ts'
import { derivedToken } from './login-form.ts'
import { continueForm, loginLinks } from './login-pages.ts'
import { moveTo } from './page-replies.ts'

/** Starts the browser's journey for this purpose. @returns the ways to log in. */
export async function offerLogin(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  purpose: Purpose,
): Promise<Html> {
  const id = newToken()
  await moveTo(deps, reply, { at: 'choice', id, purpose })
  const providers = deps.providers.map(({ name }) => name)
  const session = deps.globalSessions.find(request.headers.cookie)
  const errand = errandOf(deps, purpose)
  if (session === undefined || errand === undefined) return loginLinks(id, providers)
  if (!errand.accepts(session)) {
    const isOther = errand.forUserId !== undefined && errand.forUserId !== session.user.id
    // The provider probably knows the wrong one too, and would send the browser back as that one at once.
    return loginLinks(id, providers, isOther ? 'anew' : 'usual')
  }
  const csrf = derivedToken(deps.formKey, `continue ${id}`)
  return html`${continueForm({ email: session.user.email, csrf })}
<p>Or use another account:</p>
${loginLinks(id, providers, 'anew')}`
}
