/**
 * The last step: the person who logged in sees device and account together and decides.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isSameText } from '#lib/same-text'
import type { LoginContext } from '../identity/identity.ts'
import type { Enrolment, User } from '../store/store.ts'
import { confirmPage } from './device-pages.ts'
import { journeyAt } from './journey.ts'
import type { LoginDeps } from './login-deps.ts'
import { readForm } from './login-form.ts'
import { CONFIRMED, DENIED, FORGED, ownerRefusal, START_AGAIN } from './page-reasons.ts'
import { endJourney, journeyOf, showMessage, showPage } from './page-replies.ts'
import { deviceShown } from './source.ts'

/** Adds the routes to the scope of the pages. */
export function addConfirmRoutes(app: FastifyInstance, deps: LoginDeps): void {
  app.get('/device/confirm', async (request, reply) => {
    const asked = await whatIsAsked(deps, request)
    if (asked === undefined) return showMessage(deps, reply, START_AGAIN)
    const { enrolment, user, csrf } = asked
    const shown = await deviceShown(deps, request, enrolment)
    return showPage(deps, reply, confirmPage(shown, { email: user.email, csrf }))
  })
  app.post('/device/confirm', (request, reply) => decide(deps, request, reply))
}

type Asked = {
  readonly enrolment: Enrolment
  readonly user: User
  readonly login: LoginContext
  readonly csrf: string
}

/** What this browser was asked, if that is still open. */
async function whatIsAsked(deps: LoginDeps, request: FastifyRequest): Promise<Asked | undefined> {
  const journey = journeyAt(await journeyOf(deps, request), 'confirm')
  if (journey === undefined) return undefined
  const enrolment = deps.enrolments.findOpen(journey.purpose.deviceCodeSha256)
  const user = deps.store.users.get(journey.userId)
  if (enrolment === undefined || user === undefined) return undefined
  return { enrolment, user, login: journey.login, csrf: journey.csrf }
}

async function decide(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const asked = await whatIsAsked(deps, request)
  if (asked === undefined) return showMessage(deps, reply, START_AGAIN)
  const form = readForm(request.body, ['csrf', 'decision'])
  if (form === undefined || !isSameText(form.csrf, asked.csrf)) {
    return showMessage(deps, reply, FORGED)
  }
  endJourney(reply)
  if (form.decision !== 'approve') {
    deps.enrolments.deny(asked.enrolment)
    return showMessage(deps, reply, DENIED)
  }
  const approved = deps.enrolments.approve(asked.enrolment, asked.user, asked.login)
  return showMessage(deps, reply, approved.ok ? CONFIRMED : ownerRefusal(approved.error))
}
