/**
 * Everything that a browser asks of the login origin.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { addConfirmRoutes } from './confirm-routes.ts'
import { addContinueRoutes } from './continue-routes.ts'
import { addDeviceRoutes } from './device-routes.ts'
import { addFormRoutes } from './form-routes.ts'
import { addHomeRoutes } from './home-routes.ts'
import { addJustifyRoutes } from './justify-routes.ts'
import type { LoginDeps } from './login-deps.ts'
import { FORM_LIMIT_BYTES } from './login-form.ts'
import { addLogoRoutes } from './logo-routes.ts'
import { FORGED } from './page-reasons.ts'
import { showMessage } from './page-replies.ts'
import { addPromptRoutes } from './prompt-routes.ts'
import { addProviderRoutes, returnPaths } from './provider-routes.ts'
import { addSamlRoutes } from './saml-routes.ts'
import { sourceOf } from './source.ts'

/** Adds the pages. `app` must be a scope of its own: forms are read here and nowhere else. */
export function addPageRoutes(app: FastifyInstance, deps: LoginDeps): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: FORM_LIMIT_BYTES },
    (_request, body, done) => done(null, new URLSearchParams(String(body))),
  )
  const posted = returnPaths(deps, 'form')
  app.addHook('onRequest', async (request, reply) => {
    // The one form that another site sends: the provider's answer, which is bound to what this browser left with.
    if (!posted.has(request.routeOptions.url ?? '')) await refuseForeignOrigin(deps, request, reply)
  })
  addDeviceRoutes(app, deps)
  addPromptRoutes(app, deps)
  addProviderRoutes(app, deps)
  addSamlRoutes(app, deps)
  addFormRoutes(app, deps)
  addContinueRoutes(app, deps)
  addConfirmRoutes(app, deps)
  addJustifyRoutes(app, deps)
  addHomeRoutes(app, deps)
  addLogoRoutes(app, deps)
}

/** Beside the token: a browser says where a form comes from (RFC 6454 section 7). */
async function refuseForeignOrigin(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { origin } = request.headers
  if (origin === undefined || origin === deps.url.origin) return
  deps.log.warn({ source: sourceOf(request) }, 'form from a foreign origin refused')
  await showMessage(deps, reply, FORGED)
}
