/**
 * How the login pages answer: HTML under the strict policy, sometimes with the next stage of the browser's session.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type BrowserSession, endedCookie, readSession, sessionCookie } from './browser-session.ts'
import type { LoginDeps } from './login-deps.ts'
import type { PageMessage } from './page-reasons.ts'
import { messagePage, PAGE_POLICY } from './pages.ts'

/** Answers with a page. */
export async function showPage(reply: FastifyReply, page: string, status = 200): Promise<void> {
  await reply
    .code(status)
    .headers({
      'content-security-policy': PAGE_POLICY,
      // Not no-referrer: browsers would then post `Origin: null`, and we check it.
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
    })
    .type('text/html; charset=utf-8')
    .send(page)
}

/** Answers with a message; nothing that the caller or the provider sent is repeated (T93). */
export function showMessage(
  { organisation }: LoginDeps,
  reply: FastifyReply,
  { status, title, message }: PageMessage,
): Promise<void> {
  return showPage(reply, messagePage(organisation, title, message), status)
}

/** Puts the browser at a stage; the answer carries it. */
export async function moveTo(
  { sessionKey, now }: LoginDeps,
  reply: FastifyReply,
  session: BrowserSession,
): Promise<void> {
  reply.header('set-cookie', await sessionCookie(session, sessionKey, now()))
}

/** Ends the browser's session; the answer carries it. */
export function endSession(reply: FastifyReply): void {
  reply.header('set-cookie', endedCookie())
}

/** Where the browser stands. */
export function sessionOf(
  { sessionKey, now }: LoginDeps,
  request: FastifyRequest,
): Promise<BrowserSession | undefined> {
  const { cookie } = request.headers
  return readSession(cookie, sessionKey, now())
}
