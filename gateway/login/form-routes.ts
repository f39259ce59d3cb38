/**
 * Forms of our own providers. Which fields were shown is sealed in the browser's journey: exactly these come back.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isSameText } from '#lib/same-text'
import type { FormStep } from '../identity/identity-provider.ts'
import { arrive, refuseLogin, type Way } from './arrive.ts'
import { errandOf } from './errands.ts'
import { gated } from './gated.ts'
import { type Choosing, type JourneyAt, journeyAt, newToken } from './journey.ts'
import type { LoginDeps } from './login-deps.ts'
import { readForm } from './login-form.ts'
import { formPage } from './login-pages.ts'
import { FORGED, START_AGAIN } from './page-reasons.ts'
import { journeyOf, moveTo, showMessage, showPage } from './page-replies.ts'
import { sourceOf } from './source.ts'

/** A handful of fields of `FIELD_LIMIT_BYTES`, every octet written as `%xx`. */
const FORM_LIMIT_BYTES = 16 * 1024
const FIELD_LIMIT_BYTES = 1024

/** Adds the routes to the scope of the pages. */
export function addFormRoutes(app: FastifyInstance, deps: LoginDeps): void {
  const options = { ...gated(deps, 'login'), bodyLimit: FORM_LIMIT_BYTES }
  app.post('/login/form', options, (request, reply) => takeForm(deps, request, reply))
  // Where a reload or the back button leads: the form itself is only ever an answer.
  app.get('/login/form', (_request, reply) => showMessage(deps, reply, START_AGAIN))
}

type Shown = {
  readonly journey: Choosing
  readonly provider: string
  readonly step: FormStep & { readonly kind: 'ask' }
}

/** Shows a form of a provider and remembers what it asks. */
export async function showForm(
  deps: LoginDeps,
  reply: FastifyReply,
  { journey: { id, purpose }, provider, step: { form, pending, problem } }: Shown,
): Promise<void> {
  const csrf = newToken()
  const fields = form.fields.map(({ name }) => name)
  await moveTo(deps, reply, { at: 'form', id, purpose, provider, pending, csrf, fields })
  const status = problem === undefined ? 200 : 400
  return showPage(deps, reply, formPage(form, { csrf, problem }), status)
}

async function takeForm(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const journey = journeyAt(await journeyOf(deps, request), 'form')
  const errand = journey && errandOf(deps, journey.purpose)
  const provider = deps.providers.find(({ name }) => name === journey?.provider)
  if (journey === undefined || errand === undefined || provider?.kind !== 'form') {
    return showMessage(deps, reply, START_AGAIN)
  }
  const typed = typedIn(request.body, journey)
  if (typed === undefined) return showMessage(deps, reply, FORGED)
  const step = await provider.answer(typed, journey.pending, sourceOf(request))
  if (step.kind === 'ask') return showForm(deps, reply, { journey, provider: provider.name, step })
  return end(deps, request, reply, { provider: provider.name, errand, step })
}

function end(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { step, ...way }: Way & { readonly step: Exclude<FormStep, { readonly kind: 'ask' }> },
): Promise<void> {
  return step.kind === 'done'
    ? arrive(deps, request, reply, { ...way, identity: step.identity })
    : refuseLogin(deps, request, reply, { ...way, reason: step.reason })
}

/** What was typed into the form that was shown; undefined for any other form. */
function typedIn(
  body: unknown,
  { csrf, fields }: JourneyAt<'form'>,
): ReadonlyMap<string, string> | undefined {
  const form = readForm(body, ['csrf', ...fields])
  if (form === undefined || !isSameText(form['csrf'] ?? '', csrf)) return undefined
  const { csrf: _token, ...typed } = form
  const values = Object.entries(typed)
  const fits = values.every(([, value]) => Buffer.byteLength(value) <= FIELD_LIMIT_BYTES)
  return fits ? new Map(values) : undefined
}
