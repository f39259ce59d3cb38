/**
 * To the identity provider and back. The state that returns must be the one that this very browser left with (T28).
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isSameText } from '#lib/same-text'
import type { RedirectProvider } from '../identity/identity-provider.ts'
import { arrive, refuseLogin } from './arrive.ts'
import { errandOf } from './errands.ts'
import { showForm } from './form-routes.ts'
import { gated } from './gated.ts'
import { type Choosing, choosing, journeyAt } from './journey.ts'
import type { LoginDeps } from './login-deps.ts'
import { loginRefusal, START_AGAIN } from './page-reasons.ts'
import { journeyOf, moveTo, showMessage } from './page-replies.ts'
import { queryOf } from './source.ts'

/** Longest form that a provider may have a browser post: a signed SAML response with many groups, in bytes. */
const RETURN_LIMIT_BYTES = 256 * 1024

/** Adds the routes to the scope of the pages. */
export function addProviderRoutes(app: FastifyInstance, deps: LoginDeps): void {
  const gate = gated(deps, 'login')
  app.get('/login/to', gate, (request, reply) => leave(deps, request, reply))
  for (const path of returnPaths(deps, 'query')) {
    app.get(path, gate, (request, reply) => comeBack(deps, request, reply, queryOf(request)))
  }
  for (const path of returnPaths(deps, 'form')) {
    app.post(path, { ...gate, bodyLimit: RETURN_LIMIT_BYTES }, (request, reply) =>
      comeBack(deps, request, reply, request.body),
    )
  }
}

/** Where browsers come back to. Several providers may share a path. */
export function returnPaths(
  { providers }: LoginDeps,
  returns: RedirectProvider['returns'],
): ReadonlySet<string> {
  const all = providers.filter((one) => one.kind === 'redirect' && one.returns === returns)
  return new Set((all as RedirectProvider[]).map(({ callbackPath }) => callbackPath))
}

async function leave(deps: LoginDeps, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const query = queryOf(request)
  const journey = choosing(await journeyOf(deps, request))
  const provider = deps.providers.find(({ name }) => name === query.get('provider'))
  const isOurs = journey !== undefined && isSameText(query.get('journey') ?? '', journey.id)
  if (!isOurs || provider === undefined) return showMessage(deps, reply, START_AGAIN)
  if (provider.kind === 'form') {
    return showForm(deps, reply, { journey, provider: provider.name, step: provider.begin() })
  }
  return leaveTo(deps, reply, { journey, provider, anew: query.get('anew') === '1' })
}

type Leaving = {
  readonly journey: Choosing
  readonly provider: RedirectProvider
  readonly anew: boolean
}

async function leaveTo(
  deps: LoginDeps,
  reply: FastifyReply,
  { journey: { id, purpose }, provider: { name, begin, returns }, anew }: Leaving,
): Promise<void> {
  const errand = errandOf(deps, purpose)
  if (errand === undefined) return showMessage(deps, reply, START_AGAIN)
  const begun = await begin({ ...errand.wish, ...(anew && { anew }) })
  if (!begun.ok) return showMessage(deps, reply, loginRefusal(begun.error.reason))
  const { url, pending } = begun.value
  // A form that another site has the browser post comes with no Lax cookie.
  const sentWith = returns === 'form' ? 'None' : 'Lax'
  await moveTo(deps, reply, { at: 'redirect', id, purpose, provider: name, pending }, sentWith)
  await reply.redirect(url, 303)
}

/** @param answer what the browser brought from the provider. */
async function comeBack(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  answer: unknown,
): Promise<void> {
  const journey = journeyAt(await journeyOf(deps, request), 'redirect')
  const errand = journey && errandOf(deps, journey.purpose)
  const provider = deps.providers.find(({ name }) => name === journey?.provider)
  const isHere = provider?.kind === 'redirect' && provider.callbackPath === request.routeOptions.url
  if (journey === undefined || errand === undefined || !isHere) {
    return showMessage(deps, reply, START_AGAIN)
  }
  const query = answer instanceof URLSearchParams ? answer : new URLSearchParams()
  const login = await provider.finish(query, journey.pending)
  const way = { provider: provider.name, errand }
  if (login.ok) return arrive(deps, request, reply, { ...way, identity: login.value })
  return refuseLogin(deps, request, reply, { ...way, reason: login.error.reason })
}
