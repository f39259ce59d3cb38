/**
 * The beginning of an enrolment in the browser: type the code, look at the device.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isSameText } from '#lib/same-text'
import type { Enrolment } from '../store/store.ts'
import { codePage, devicePage } from './device-pages.ts'
import { gated } from './gated.ts'
import { journeyAt, newToken } from './journey.ts'
import { offerLogin } from './login-choice.ts'
import type { LoginDeps } from './login-deps.ts'
import { readForm } from './login-form.ts'
import { FORGED } from './page-reasons.ts'
import { journeyOf, moveTo, showMessage, showPage } from './page-replies.ts'
import { deviceShown, sourceOf } from './source.ts'

/** Adds the routes to the scope of the pages. */
export function addDeviceRoutes(app: FastifyInstance, deps: LoginDeps): void {
  app.get('/device', (_request, reply) => askForCode(deps, reply))
  app.post('/device', gated(deps, 'userCode'), (request, reply) => takeCode(deps, request, reply))
}

async function askForCode(deps: LoginDeps, reply: FastifyReply, problem?: string): Promise<void> {
  const csrf = newToken()
  await moveTo(deps, reply, { at: 'code', csrf })
  return showPage(deps, reply, codePage(csrf, problem), problem === undefined ? 200 : 400)
}

async function takeCode(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const journey = journeyAt(await journeyOf(deps, request), 'code')
  const form = readForm(request.body, ['csrf', 'user_code'])
  if (journey === undefined || form === undefined || !isSameText(form.csrf, journey.csrf)) {
    return showMessage(deps, reply, FORGED)
  }
  const enrolment = deps.enrolments.findByUserCode(form.user_code)
  if (enrolment !== undefined) return showDevice(deps, request, reply, enrolment)
  deps.log.warn({ source: sourceOf(request) }, 'unknown user code')
  return askForCode(deps, reply, 'This code is unknown or has expired. Look at your terminal.')
}

async function showDevice(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  enrolment: Enrolment,
): Promise<void> {
  const { deviceCodeSha256 } = enrolment
  const choices = await offerLogin(deps, request, reply, { for: 'enrolment', deviceCodeSha256 })
  const shown = await deviceShown(deps, request, enrolment)
  return showPage(deps, reply, devicePage(shown, choices))
}
