/** Explanations in the admin API: all of it, about anybody. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { factsAbout, findSomebody } from '../policy-test/last-seen.ts'
import type { AdminDeps } from './admin-deps.ts'
import { badBody, notFound } from './admin-reply.ts'
import { questionFields, readQuestion } from './policy-question.ts'

const body = z.strictObject({ ...questionFields, user: questionFields.user.unwrap() })

export function addExplainRoutes(app: FastifyInstance, deps: AdminDeps): void {
  app.post('/api/v1/explain', async (request, reply) => {
    const parsed = body.safeParse(request.body)
    const question = parsed.success ? readQuestion(parsed.data) : undefined
    if (!parsed.success || question === undefined) {
      return badBody(reply, 'Send JSON with "user" and "to" (HOST:PORT), and "device" if you like.')
    }
    const { user, device } = parsed.data
    const found = findSomebody(deps, user, device)
    if (!found.ok) return notFound(reply, found.error.reason.replace('no_such_', ''))
    deps.log.info(
      { action: 'explain', user, to: parsed.data.to, source: request.ip },
      'admin action',
    )
    const facts = factsAbout(found.value, question, deps)
    return { explanation: await deps.explainer.forAdministrator(facts) }
  })
}
