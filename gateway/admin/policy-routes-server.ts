/** Questions about policies in the admin API: one user, everybody, and the flows that were. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import type { CompiledPolicy } from '../policy/compile.ts'
import { evaluate } from '../policy/evaluate.ts'
import { flowPages, inTurns } from '../policy-test/flow-pages-job.ts'
import {
  type AccessQuestion,
  everybody,
  factsAbout,
  findSomebody,
  type LastSeen,
} from '../policy-test/last-seen.ts'
import { outcomeOf } from '../policy-test/outcome.ts'
import { createPopulationReport } from '../policy-test/population.ts'
import { createReplay } from '../policy-test/replay.ts'
import { serviceOf } from '../service-token/service-token.ts'
import { refuse } from '../web/refuse.ts'
import type { AdminDeps } from './admin-deps.ts'
import { time } from './admin-query.ts'
import { badBody, notFound } from './admin-reply.ts'
import { jsonLines } from './json-lines-server.ts'
import { compileProposal, PROPOSAL_BODY_LIMIT } from './policy-proposal.ts'
import { questionFields, readQuestion } from './policy-question.ts'

const testBody = z.strictObject({
  ...questionFields,
  policy: z.string().max(PROPOSAL_BODY_LIMIT).exactOptional(),
  changed: z.boolean().exactOptional(),
})
const replayBody = z.strictObject({ policy: z.string().max(PROPOSAL_BODY_LIMIT), since: time })

const TEST_BODY =
  'Send JSON with "to" (HOST:PORT), and if you like "user", "device", "from", "policy" and "changed".'
const REPLAY_BODY = 'Send JSON with "policy" (its text) and "since" (RFC 3339, UTC).'
/** Progress is told after so many flows. */
const PROGRESS_EVERY = 5000

export function addPolicyRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const options = { bodyLimit: PROPOSAL_BODY_LIMIT }
  app.post('/api/v1/policy/test', options, async (request, reply) => {
    const body = testBody.safeParse(request.body)
    const question = body.success ? readQuestion(body.data) : undefined
    if (!body.success || question === undefined) return badBody(reply, TEST_BODY)
    const { user, device, changed = false } = body.data
    const policies = policiesOf(body.data.policy, deps)
    if ('mistakes' in policies) return badPolicy(reply, policies.mistakes)
    if (user === undefined) return { population: await testAll(question, policies, changed, deps) }
    const found = findSomebody(deps, user, device)
    if (!found.ok) return notFound(reply, found.error.reason.replace('no_such_', ''))
    return { decision: testOne(found.value, question, policies, deps) }
  })
  app.post('/api/v1/policy/replay', options, async (request, reply) => {
    const body = replayBody.safeParse(request.body)
    if (!body.success) return badBody(reply, REPLAY_BODY)
    const proposal = compileProposal(body.data.policy, deps.policy())
    if (!proposal.ok) return badPolicy(reply, proposal.error.mistakes)
    await jsonLines(reply, replayLines(proposal.value, Date.parse(body.data.since), deps))
  })
}

/** The policy in force, and the proposed one where there is one. */
type Policies = { readonly inForce: CompiledPolicy; readonly proposed?: CompiledPolicy }

function policiesOf(
  text: string | undefined,
  deps: AdminDeps,
): Policies | { readonly mistakes: string } {
  const inForce = deps.policy()
  if (text === undefined) return { inForce }
  const proposal = compileProposal(text, inForce)
  return proposal.ok ? { inForce, proposed: proposal.value } : proposal.error
}

function testOne(
  who: LastSeen,
  question: AccessQuestion,
  { inForce, proposed }: Policies,
  deps: AdminDeps,
) {
  const facts = factsAbout(who, question, deps)
  const decide = (policy: CompiledPolicy) => {
    const decision = evaluate(policy, facts, nowSeconds(deps))
    const { trace, revision } = decision
    const remedy = decision.kind === 'denial' ? { remedy: decision.remedy } : {}
    return { ...outcomeOf(decision), ...remedy, trace, ...(policy === inForce && { revision }) }
  }
  return {
    user: serviceOf(who.user)?.name ?? who.user.email,
    device: who.device.id,
    inForce: decide(inForce),
    ...(proposed !== undefined && { proposed: decide(proposed) }),
    facts,
  }
}

async function testAll(
  question: AccessQuestion,
  { inForce, proposed }: Policies,
  onlyChanged: boolean,
  deps: AdminDeps,
) {
  const report = createPopulationReport(onlyChanged)
  await inTurns(everybody(deps), (who) => {
    const facts = factsAbout(who, question, deps)
    const decide = (policy: CompiledPolicy) => outcomeOf(evaluate(policy, facts, nowSeconds(deps)))
    report.add({
      user: serviceOf(who.user)?.name ?? who.user.email,
      device: who.device.id,
      inForce: decide(inForce),
      ...(proposed !== undefined && { proposed: decide(proposed) }),
    })
  })
  return report.report()
}

async function* replayLines(policy: CompiledPolicy, sinceMs: number, { store }: AdminDeps) {
  const replay = createReplay(policy)
  let flows = 0
  let told = 0
  for await (const page of flowPages(store.flows, sinceMs)) {
    for (const record of page) replay.take(record)
    flows += page.length
    if (flows < told + PROGRESS_EVERY) continue
    told = flows
    yield { type: 'progress', flows }
    await nextTurn()
  }
  const { groups, ...counts } = replay.report()
  const shown = groups.map(({ lastAtMs, ...group }) => ({
    ...group,
    lastAt: new Date(lastAtMs).toISOString(),
  }))
  yield { type: 'report', ...counts, groups: shown }
}

function badPolicy(reply: FastifyReply, mistakes: string): Promise<void> {
  return refuse(reply, { status: 400, code: 'policy_has_mistakes', message: mistakes })
}

function nowSeconds({ nowMs }: AdminDeps): number {
  return Math.floor(nowMs() / 1000)
}
