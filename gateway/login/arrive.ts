/**
 * The end of a login, whatever the provider: the user is stored, and the errand goes on.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Identity } from '../identity/identity.ts'
import type { LoginReason } from '../identity/login-error.ts'
import type { Errand } from './errand.ts'
import type { LoginDeps } from './login-deps.ts'
import { loginRefusal } from './page-reasons.ts'
import { endJourney, putCookie, showMessage } from './page-replies.ts'
import { sourceOf } from './source.ts'

/** What there is to arrive with, and by which provider. */
export type Way = { readonly provider: string; readonly errand: Errand }

/** A login of which more must be remembered would not fit the cookie, octets of its JSON. */
const LOGIN_LIMIT_OCTETS = 1024

/** Goes on with whoever the provider vouches for. */
export async function arrive(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { provider, errand, identity }: Way & { readonly identity: Identity },
): Promise<void> {
  endJourney(reply)
  const { login } = identity
  if (Buffer.byteLength(JSON.stringify(login)) > LOGIN_LIMIT_OCTETS) {
    return refuseLogin(deps, request, reply, { provider, reason: 'bad_provider_answer' })
  }
  const user = deps.store.users.upsert(identity)
  deps.tell({ kind: 'user', userId: user.id })
  // One session a browser, with a new id at each login.
  deps.globalSessions.end(request.headers.cookie)
  const cookie = deps.globalSessions.begin({ user, login })
  if (cookie !== undefined) putCookie(reply, cookie)
  const source = sourceOf(request)
  deps.log.info({ source, provider, userId: user.id, email: user.email }, 'login')
  return errand.arrive(reply, { user, login })
}

/** Ends the journey without a user. */
export function refuseLogin(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { provider, reason }: { readonly provider: string; readonly reason: LoginReason },
): Promise<void> {
  endJourney(reply)
  deps.log.warn({ source: sourceOf(request), provider, reason }, 'login refused')
  return showMessage(deps, reply, loginRefusal(reason))
}
