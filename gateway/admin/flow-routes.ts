/** Flow records in the admin API. */
import type { FastifyInstance } from 'fastify'
import type { AdminDeps } from './admin-deps.ts'
import { flowJson } from './admin-json.ts'
import { parsePage } from './admin-query.ts'
import { type ById, badQuery, notFound } from './admin-reply.ts'

export function addFlowRoutes(app: FastifyInstance, { store }: AdminDeps): void {
  app.get('/api/v1/flows', async (request, reply) => {
    const page = parsePage(request.query as Record<string, unknown>)
    if (!page.ok) return badQuery(reply, page.error.reason, page.error.key)
    return { flows: store.flows.list(page.value).map(flowJson) }
  })
  app.get<ById>('/api/v1/flows/:id', async (request, reply) => {
    const flow = store.flows.get(request.params.id)
    return flow === undefined ? notFound(reply, 'flow') : { flow: flowJson(flow) }
  })
}
