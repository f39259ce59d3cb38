/** Service tokens in the admin API: made, listed, rotated, taken out of use. A secret is in one answer only. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import type { IssuedToken, ServiceToken } from '../service-token/service-token.ts'
import { isTokenName } from '../service-token/service-token.ts'
import { refuse } from '../web/refuse.ts'
import { noteAction } from './admin-action.ts'
import type { AdminDeps } from './admin-deps.ts'
import { type ById, notFound } from './admin-reply.ts'
import { serviceTokenJson } from './service-token-json.ts'

const DAY_SECONDS = 86_400
/** Without a wish of the administrator's, seconds. */
const DEFAULT_LIFETIME_SECONDS = 365 * DAY_SECONDS
const GREATEST_LIFETIME_SECONDS = 366 * DAY_SECONDS
const GREATEST_GRACE_SECONDS = 30 * DAY_SECONDS

const lifetime = { lifetimeSeconds: z.int().min(1).max(GREATEST_LIFETIME_SECONDS).exactOptional() }
const createBody = z.strictObject({ name: z.string().refine(isTokenName), ...lifetime })
const rotateBody = z.strictObject({
  graceSeconds: z.int().min(0).max(GREATEST_GRACE_SECONDS).exactOptional(),
  ...lifetime,
})

export function addServiceTokenRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const { serviceTokens } = deps
  app.get('/api/v1/service-tokens', async () => ({
    serviceTokens: serviceTokens.list().map((token) => tokenJson(deps, token)),
  }))
  app.post('/api/v1/service-tokens', async (request, reply) => {
    const body = createBody.safeParse(request.body)
    if (!body.success) return badBody(reply, '"name" (lower case) and "lifetimeSeconds"')
    const { name, lifetimeSeconds } = body.data
    noteAction(deps, request, 'create_service_token', { name })
    const issued = serviceTokens.create(name, lifetimeMs(lifetimeSeconds))
    return issued === undefined ? nameTaken(reply) : issuedJson(deps, issued)
  })
  app.post<ById>('/api/v1/service-tokens/:id/rotate', async (request, reply) => {
    const { id } = request.params
    const body = rotateBody.safeParse(request.body ?? {})
    if (!body.success) return badBody(reply, '"graceSeconds" and "lifetimeSeconds"')
    const { graceSeconds = 0, lifetimeSeconds } = body.data
    noteAction(deps, request, 'rotate_service_token', { tokenId: id, graceSeconds })
    const terms = { graceMs: graceSeconds * 1000, lifetimeMs: lifetimeMs(lifetimeSeconds) }
    const issued = serviceTokens.rotate(id, terms)
    if (issued === undefined) return notFound(reply, 'service_token')
    deps.tell({ kind: 'service', tokenId: id })
    return issuedJson(deps, issued)
  })
  for (const verb of ['disable', 'enable'] as const) {
    app.post<ById>(`/api/v1/service-tokens/:id/${verb}`, async (request, reply) => {
      const { id } = request.params
      noteAction(deps, request, `${verb}_service_token`, { tokenId: id })
      const token = serviceTokens.setDisabled(id, verb === 'disable')
      if (token === undefined) return notFound(reply, 'service_token')
      const cutFlows = deps.tell({ kind: 'service', tokenId: id })
      return { serviceToken: tokenJson(deps, token), cutFlows }
    })
  }
}

function issuedJson(deps: AdminDeps, { token, secret }: IssuedToken) {
  return { serviceToken: tokenJson(deps, token), secret }
}

function tokenJson({ nowMs }: AdminDeps, token: ServiceToken) {
  return serviceTokenJson(token, nowMs())
}

function lifetimeMs(seconds = DEFAULT_LIFETIME_SECONDS): number {
  return seconds * 1000
}

function badBody(reply: FastifyReply, keys: string): Promise<void> {
  return refuse(reply, { status: 400, code: 'bad_body', message: `Send JSON with ${keys}.` })
}

function nameTaken(reply: FastifyReply): Promise<void> {
  return refuse(reply, {
    status: 409,
    code: 'name_taken',
    message: 'There is a service token of this name: rotate or enable it, or choose another name.',
  })
}
