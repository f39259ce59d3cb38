/** Explanations of questions of the DNS: what decides, who is asked, what is answered. They are not in the DNS log. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { answerText } from '#lib/dns/answer-text'
import { writeName } from '#lib/dns/name'
import { type DnsQuery, readQuery, writeQuery } from '#lib/dns/query'
import { parseTypeName, typeName } from '#lib/dns/type-names'
import { parseHostName } from '#lib/net/host'
import type { AnsweredName } from '../dns/name-answerer.ts'
import { isMeta } from '../dns/question.ts'
import type { AskerFacts } from '../policy/evaluate-name.ts'
import { isReason, sentenceFor } from '../policy/reasons.ts'
import { askerAbout, findSomebody } from '../policy-test/last-seen.ts'
import type { AdminDeps } from './admin-deps.ts'
import { badBody, notFound } from './admin-reply.ts'

const body = z.strictObject({
  user: z.string().min(1).max(320),
  device: z.string().min(1).max(64).exactOptional(),
  name: z.string().min(1).max(254),
  type: z.string().min(1).max(16).exactOptional(),
})

export function addExplainNameRoutes(app: FastifyInstance, deps: AdminDeps): void {
  app.post('/api/v1/explain/dns', async (request, reply) => {
    const parsed = body.safeParse(request.body)
    const asked = parsed.success ? questionOf(parsed.data) : undefined
    if (!parsed.success || asked === undefined) {
      return badBody(
        reply,
        'Send JSON with "user" and "name", and "type" and "device" if you like.',
      )
    }
    const { user, device } = parsed.data
    const found = findSomebody(deps, user, device)
    if (!found.ok) return notFound(reply, found.error.reason.replace('no_such_', ''))
    deps.log.info(
      { action: 'explain_dns', user, name: asked.name, source: request.ip },
      'admin action',
    )
    const facts = askerAbout(found.value, deps)
    return { explanation: explanationOf(asked, facts, await deps.answerName(facts, asked)) }
  })
}

/** Undefined: no name, or a type that is no records'. */
function questionOf(written: { readonly name: string; readonly type?: string }) {
  const name = parseHostName(written.name)
  const type = parseTypeName(written.type ?? 'A')
  if (!name.ok || type === undefined || isMeta(type)) return undefined
  const query = writeQuery({ name: writeName(name.value), type, dnssecOk: false, flags: 0 })
  const read = readQuery(query)
  return read?.ok ? read.value : undefined
}

function explanationOf(asked: DnsQuery, facts: AskerFacts, answered: AnsweredName) {
  const { decision, message, resolver, failure } = answered
  const { kind: verdict, effect: _, ...decided } = decision
  const reason = failure ?? decision.reason
  return {
    ...{ name: asked.name, type: typeName(asked.type), verdict },
    ...{ ...decided, reason },
    ...(isReason(reason) && { sentence: sentenceFor(reason) }),
    ...(resolver !== undefined && { resolver }),
    ...(message && answerText(message)),
    facts,
  }
}
