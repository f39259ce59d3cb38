/**
 * How the login pages answer: HTML under the strict policy, sometimes with the next stage of the browser's journey.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type HttpRefusal, refuse } from '../web/refuse.ts'
import type { SentWith } from './cookies.ts'
import { html } from './html.ts'
import type { Journey } from './journey.ts'
import { endedCookie, journeyCookie, readJourney } from './journey-cookie.ts'
import type { LoginDeps } from './login-deps.ts'
import type { Page } from './look.ts'
import type { PageMessage } from './page-reasons.ts'

/** Answers with a page. */
export async function showPage(
  { look }: LoginDeps,
  reply: FastifyReply,
  page: Page,
  status = 200,
): Promise<void> {
  await reply
    .code(status)
    .headers({
      'content-security-policy': look.policy,
      // Not no-referrer: browsers would then post `Origin: null`, and we check it.
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
    })
    .type('text/html; charset=utf-8')
    .send(look.frame(page))
}

/** Answers with a message; nothing that the caller or the provider sent is repeated (T93). */
export function showMessage(
  deps: LoginDeps,
  reply: FastifyReply,
  { status, title, message }: PageMessage,
): Promise<void> {
  return showPage(deps, reply, { title, body: html`<p>${message}</p>` }, status)
}

/** Answers what no route answers, or a request that failed: people get a page, programs JSON. */
export function showRefusal(
  deps: LoginDeps,
  reply: FastifyReply,
  refusal: HttpRefusal,
  { headers: { accept } }: FastifyRequest,
): Promise<void> {
  if (accept?.includes('text/html') !== true) return refuse(reply, refusal)
  const title = refusal.status === 404 ? 'Not found' : 'Not possible'
  return showMessage(deps, reply, { ...refusal, title })
}

/** Puts the browser at a stage; the answer carries it. */
export async function moveTo(
  { journeyKey: key, now }: LoginDeps,
  reply: FastifyReply,
  journey: Journey,
  sentWith: SentWith = 'Lax',
): Promise<void> {
  putCookie(reply, await journeyCookie(journey, { key, nowMs: now(), sentWith }))
}

/** Ends the browser's journey; the answer carries it. */
export function endJourney(reply: FastifyReply): void {
  putCookie(reply, endedCookie())
}

/** Sets a cookie; one of the same name that the answer carried already is replaced. */
export function putCookie(reply: FastifyReply, cookie: string): void {
  const name = cookie.slice(0, cookie.indexOf('=') + 1)
  const others = [reply.getHeader('set-cookie') ?? []].flat().map(String)
  reply.removeHeader('set-cookie')
  reply.header('set-cookie', [...others.filter((one) => !one.startsWith(name)), cookie])
}

/** Where the browser stands. */
export function journeyOf(
  { journeyKey, now }: LoginDeps,
  request: FastifyRequest,
): Promise<Journey | undefined> {
  return readJourney(request.headers.cookie, journeyKey, now())
}
