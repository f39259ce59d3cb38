/**
 * What a person does in a browser to let a device in: type the code, look at the device, log in, confirm.
 * Each step stands on the one before by the sealed cookie, and on the store for what may still be decided.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Enrolment } from '../store/store.ts'
import { newCsrf, sessionAt } from './browser-session.ts'
import { addConfirmRoutes } from './confirm-routes.ts'
import type { LoginDeps } from './login-deps.ts'
import { FORM_LIMIT_BYTES, isSameToken, readForm } from './login-form.ts'
import { FORGED, TOO_MANY } from './page-reasons.ts'
import { moveTo, sessionOf, showMessage, showPage } from './page-replies.ts'
import { codePage, devicePage } from './pages.ts'
import { addProviderRoutes } from './provider-routes.ts'
import { deviceShown, sourceOf } from './source.ts'

/** Adds the pages. `app` must be a scope of its own: forms are read here and nowhere else. */
export function addPageRoutes(app: FastifyInstance, deps: LoginDeps): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: FORM_LIMIT_BYTES },
    (_request, body, done) => done(null, new URLSearchParams(String(body))),
  )
  app.addHook('onRequest', (request, reply) => refuseForeignOrigin(deps, request, reply))
  app.get('/device', (_request, reply) => askForCode(deps, reply))
  app.post('/device', (request, reply) => takeCode(deps, request, reply))
  addProviderRoutes(app, deps)
  addConfirmRoutes(app, deps)
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

async function askForCode(deps: LoginDeps, reply: FastifyReply, problem = ''): Promise<void> {
  const csrf = newCsrf()
  await moveTo(deps, reply, { at: 'code', csrf })
  const status = problem === '' ? 200 : 400
  return showPage(reply, codePage(deps.organisation, csrf, problem), status)
}

async function takeCode(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const source = sourceOf(request)
  if (!(await deps.gates.userCode(source))) return showMessage(deps, reply, TOO_MANY)
  const session = sessionAt(await sessionOf(deps, request), 'code')
  const form = readForm(request.body, ['csrf', 'user_code'])
  if (session === undefined || form === undefined || !isSameToken(form.csrf, session.csrf)) {
    return showMessage(deps, reply, FORGED)
  }
  const enrolment = deps.enrolments.findByUserCode(form.user_code)
  if (enrolment !== undefined) return showDevice(deps, request, reply, enrolment)
  deps.log.warn({ source }, 'unknown user code')
  return askForCode(deps, reply, 'This code is unknown or has expired. Look at your terminal.')
}

async function showDevice(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  enrolment: Enrolment,
): Promise<void> {
  const { deviceCodeSha256 } = enrolment
  await moveTo(deps, reply, { at: 'device', csrf: newCsrf(), deviceCodeSha256 })
  const shown = await deviceShown(deps, request, enrolment)
  const names = deps.providers.map(({ name }) => name)
  return showPage(reply, devicePage(deps.organisation, shown, names))
}
