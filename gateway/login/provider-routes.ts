/**
 * To the identity provider and back. The state that returns must be the one that this very browser left with (T28).
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { LoginContext } from '../identity/identity.ts'
import type { RedirectProvider } from '../identity/identity-provider.ts'
import type { Enrolment, User } from '../store/store.ts'
import { newCsrf, sessionAt } from './browser-session.ts'
import type { LoginDeps } from './login-deps.ts'
import { loginRefusal, ownerRefusal, START_AGAIN, TOO_MANY } from './page-reasons.ts'
import { endSession, moveTo, sessionOf, showMessage } from './page-replies.ts'
import { sourceOf } from './source.ts'

/** Adds the routes to the scope of the pages. */
export function addProviderRoutes(app: FastifyInstance, deps: LoginDeps): void {
  app.get('/device/login', (request, reply) => leave(deps, request, reply))
  app.get('/oidc/callback', (request, reply) => comeBack(deps, request, reply))
}

async function leave(deps: LoginDeps, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (!(await deps.gates.login(sourceOf(request)))) return showMessage(deps, reply, TOO_MANY)
  const session = sessionAt(await sessionOf(deps, request), 'device')
  const provider = providerNamed(deps, queryOf(request).get('provider'))
  if (session === undefined || provider === undefined) return showMessage(deps, reply, START_AGAIN)
  const begun = await provider.begin({})
  if (!begun.ok) return showMessage(deps, reply, loginRefusal(begun.error.reason))
  const { url, pending } = begun.value
  const { deviceCodeSha256 } = session
  await moveTo(deps, reply, {
    at: 'provider',
    csrf: newCsrf(),
    deviceCodeSha256,
    provider: provider.name,
    pending,
  })
  // From a link, not from a form: `form-action 'self'` would also stop the redirect of a form.
  await reply.redirect(url, 303)
}

async function comeBack(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const source = sourceOf(request)
  if (!(await deps.gates.login(source))) return showMessage(deps, reply, TOO_MANY)
  const session = sessionAt(await sessionOf(deps, request), 'provider')
  const provider = providerNamed(deps, session?.provider)
  const enrolment = session && deps.enrolments.findOpen(session.deviceCodeSha256)
  if (session === undefined || provider === undefined || enrolment === undefined) {
    return showMessage(deps, reply, START_AGAIN)
  }
  const login = await provider.finish(queryOf(request), session.pending)
  endSession(reply)
  if (!login.ok) {
    deps.log.warn({ source, provider: provider.name, reason: login.error.reason }, 'login refused')
    return showMessage(deps, reply, loginRefusal(login.error.reason))
  }
  const user = deps.users.upsert(login.value)
  deps.log.info({ source, provider: provider.name, userId: user.id, email: user.email }, 'login')
  return askToConfirm(deps, reply, { enrolment, user, login: login.value.login })
}

type Approver = {
  readonly enrolment: Enrolment
  readonly user: User
  readonly login: LoginContext
}

/** By a redirect, so that the provider's code leaves the address bar and the history. */
async function askToConfirm(
  deps: LoginDeps,
  reply: FastifyReply,
  { enrolment, user, login }: Approver,
): Promise<void> {
  const admitted = deps.enrolments.admit(enrolment, user)
  if (!admitted.ok) return showMessage(deps, reply, ownerRefusal(admitted.error))
  const { deviceCodeSha256 } = enrolment
  reply.removeHeader('set-cookie')
  await moveTo(deps, reply, {
    at: 'confirm',
    csrf: newCsrf(),
    deviceCodeSha256,
    userId: user.id,
    login,
  })
  await reply.redirect('/device/confirm', 303)
}

function providerNamed(
  { providers }: LoginDeps,
  name: string | null | undefined,
): RedirectProvider | undefined {
  return providers.find(
    (provider): provider is RedirectProvider =>
      provider.kind === 'redirect' && provider.name === name,
  )
}

function queryOf(request: FastifyRequest): URLSearchParams {
  const start = request.url.indexOf('?')
  return new URLSearchParams(start < 0 ? '' : request.url.slice(start + 1))
}
