/**
 * The choice of a login, at the foot of the page that says what it is for.
 */
import type { FastifyReply } from 'fastify'
import type { Html } from './html.ts'
import { newToken, type Purpose } from './journey.ts'
import type { LoginDeps } from './login-deps.ts'
import { loginChoices } from './login-pages.ts'
import { moveTo } from './page-replies.ts'

/** Starts the browser's journey for this purpose. @returns the ways to log in. */
export async function offerLogin(
  deps: LoginDeps,
  reply: FastifyReply,
  purpose: Purpose,
): Promise<Html> {
  const id = newToken()
  await moveTo(deps, reply, { at: 'choice', id, purpose, csrf: newToken() })
  return loginChoices(
    id,
    deps.providers.map(({ name }) => name),
  )
}
