/** Requests for temporary access in the admin API: listed, approved, denied. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import {
  type AccessRequest,
  type ApprovalRefusal,
  stateOf,
} from '../access-request/access-request.ts'
import type { AccessRequests } from '../access-request/access-requests-store.ts'
import { refuse } from '../web/refuse.ts'
import { noteAction } from './admin-action.ts'
import type { AdminDeps } from './admin-deps.ts'
import { times } from './admin-json.ts'
import { parsePage } from './admin-query.ts'
import { type ById, badQuery, notFound } from './admin-reply.ts'

const body = z.strictObject({ approver: z.string().min(3).max(320) })

const REFUSALS: Readonly<Record<Exclude<ApprovalRefusal, 'request_unknown'>, string>> = {
  request_not_pending: 'The request was decided already, or nobody did in time.',
  own_request: 'Nobody decides on their own request.',
  not_an_approver: 'The policy does not name this person as an approver.',
  approved_already: 'This person has approved it already.',
}

export function addAccessRequestRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const { store, accessRequests } = deps
  app.get('/api/v1/access-requests', async (request, reply) => {
    const page = parsePage(request.query as Record<string, unknown>)
    if (!page.ok) return badQuery(reply, page.error.reason, page.error.key)
    return {
      accessRequests: store.accessRequests.list(page.value).map((one) => requestJson(deps, one)),
    }
  })
  app.get<ById>('/api/v1/access-requests/:id', async (request, reply) => {
    const found = store.accessRequests.get(request.params.id)
    if (found === undefined) return notFound(reply, 'access_request')
    return { accessRequest: requestJson(deps, found) }
  })
  app.post<ById>('/api/v1/access-requests/:id/approve', (request, reply) =>
    decide(deps, request, reply, accessRequests.approve),
  )
  app.post<ById>('/api/v1/access-requests/:id/deny', (request, reply) =>
    decide(deps, request, reply, accessRequests.deny),
  )
}

async function decide(
  deps: AdminDeps,
  request: FastifyRequest<ById>,
  reply: FastifyReply,
  verb: AccessRequests['approve'],
) {
  const { id } = request.params
  const parsed = body.safeParse(request.body)
  if (!parsed.success) {
    const message = 'Send JSON with "approver": the address of who decides.'
    return refuse(reply, { status: 400, code: 'bad_body', message })
  }
  const { approver } = parsed.data
  const action = verb === deps.accessRequests.deny ? 'deny_access' : 'approve_access'
  noteAction(deps, request, action, { requestId: id, approver })
  const decided = verb(id, approver)
  if (decided.ok) return { accessRequest: requestJson(deps, decided.value) }
  if (decided.error === 'request_unknown') return notFound(reply, 'access_request')
  return refuse(reply, { status: 409, code: decided.error, message: REFUSALS[decided.error] })
}

function requestJson({ store, nowMs }: AdminDeps, request: AccessRequest) {
  const { id, kind, userId, deviceId, application, policy, purpose, approvals, decidedBy } = request
  return {
    ...{ id, kind, application, policy, purpose, deviceId },
    user: store.users.get(userId)?.email ?? null,
    state: stateOf(request, nowMs()),
    approvedBy: approvals.map(({ by }) => by),
    ...(decidedBy !== undefined && { decidedBy }),
    ...times({
      requestedAt: request.requestedAtMs,
      expiresAt: request.expiresAtMs,
      decidedAt: request.decidedAtMs,
      until: request.untilMs,
    }),
  }
}
