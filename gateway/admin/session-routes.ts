/** Sessions in the admin API: listed, shown, ended. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { AppSession } from '../session/app-session.ts'
import type { RevocationScope, Whose } from '../session/revocation.ts'
import type { BrowserSession, Device } from '../store/store.ts'
import { noteAction } from './admin-action.ts'
import type { AdminDeps } from './admin-deps.ts'
import { type ById, badBody, badQuery, notFound } from './admin-reply.ts'
import {
  appSessionJson,
  deviceSessionJson,
  globalSessionJson,
  type SessionSubject,
} from './session-json.ts'

/** Browsers that are listed, newest first. */
const GLOBAL_LIMIT = 1000

/** Whose sessions; exactly one. */
const revokeBody = z.union([
  z.strictObject({ user: z.string().min(1).max(320) }),
  z.strictObject({ device: z.string().min(1).max(64) }),
  z.strictObject({ application: z.string().min(1).max(256) }),
])
const filterShape = z.strictObject({
  user: z.string().max(320).exactOptional(),
  device: z.string().max(64).exactOptional(),
  application: z.string().max(256).exactOptional(),
})
type Filter = z.infer<typeof filterShape>

export function addSessionRoutes(app: FastifyInstance, deps: AdminDeps): void {
  app.get('/api/v1/sessions', async (request, reply) => {
    const filter = filterShape.safeParse(request.query)
    if (!filter.success) {
      const [issue] = filter.error.issues
      const key = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path[0]
      return badQuery(reply, 'unknown_query_key', String(key))
    }
    return { sessions: listSessions(deps, filter.data) }
  })
  app.get<ById>('/api/v1/sessions/:id', async (request, reply) => {
    const session = sessionOf(deps, request.params.id)
    return session === undefined ? notFound(reply, 'session') : { session }
  })
  app.post<ById>('/api/v1/sessions/:id/revoke', async (request, reply) => {
    const { id } = request.params
    if (revokeGlobal(deps, request, id)) return { session: sessionOf(deps, id), cutFlows: 0 }
    const scope = scopeOf(deps, id)
    if (scope === undefined) return notFound(reply, 'session')
    const cutFlows = revoke(deps, request, scope)
    return { session: sessionOf(deps, id), cutFlows }
  })
  app.post('/api/v1/sessions/revoke', async (request, reply) => {
    const body = revokeBody.safeParse(request.body)
    if (!body.success) return badBody(reply, WHOSE)
    const scopes = scopesOf(deps, body.data)
    if (scopes.length === 0) return notFound(reply, 'user' in body.data ? 'user' : 'device')
    const cut = scopes.map((scope) => revoke(deps, request, scope))
    return { cutFlows: cut.reduce((sum, one) => sum + one, 0) }
  })
}

function revoke(deps: AdminDeps, request: FastifyRequest, scope: RevocationScope): number {
  noteAction(deps, request, 'revoke_sessions', { ...scope })
  return deps.tell(deps.sessions.revoke(scope))
}

/** Flows stand on the device's own login: a browser that is logged out ends none. */
function revokeGlobal(deps: AdminDeps, request: FastifyRequest, id: string) {
  const { store, nowMs } = deps
  if (store.browserSessions.get(id) === undefined) return false
  noteAction(deps, request, 'revoke_sessions', { kind: 'global', idSha256: id })
  return store.browserSessions.revoke(id, nowMs())
}

function listSessions(deps: AdminDeps, { user, device, application }: Filter) {
  const { store } = deps
  const users = user === undefined ? undefined : new Set(idsOf(deps, user))
  const isWanted = ({ deviceId, userId }: { deviceId: string; userId: string }) =>
    (device === undefined || deviceId === device) && (users === undefined || users.has(userId))
  const apps = store.appSessions
    .list(application === undefined ? {} : { application })
    .filter(isWanted)
    .map((session) => appJson(deps, session))
  if (application !== undefined) return apps
  const globals = store.browserSessions
    .list({ limit: GLOBAL_LIMIT })
    .filter(({ userId }) => device === undefined && (users === undefined || users.has(userId)))
    .map((session) => globalJson(deps, session))
  const devices = store.devices
    .list()
    .filter(({ id, userId }) => isWanted({ deviceId: id, userId }))
    .map((one) => deviceJson(deps, one))
  return [...globals, ...devices, ...apps]
}

function sessionOf(deps: AdminDeps, id: string) {
  const session = deps.store.appSessions.get(id)
  if (session !== undefined) return appJson(deps, session)
  const browser = deps.store.browserSessions.get(id)
  if (browser !== undefined) return globalJson(deps, browser)
  const device = deps.store.devices.get(id)
  return device && deviceJson(deps, device)
}

function globalJson(deps: AdminDeps, session: BrowserSession) {
  return globalSessionJson(session, subjectOf(deps, { userId: session.userId }))
}

function appJson(deps: AdminDeps, session: AppSession) {
  return appSessionJson(session, subjectOf(deps, session))
}

function deviceJson(deps: AdminDeps, device: Device) {
  const { id: deviceId, userId } = device
  return deviceSessionJson(device, subjectOf(deps, { deviceId, userId }))
}

function subjectOf({ store, sessions, nowMs }: AdminDeps, whose: Whose): SessionSubject {
  const { deviceId, userId } = whose
  return {
    device: deviceId === undefined ? undefined : store.devices.get(deviceId),
    user: store.users.get(userId),
    loginsNotBefore: sessions.loginsNotBefore(whose) ?? {},
    nowMs: nowMs(),
  }
}

function scopeOf({ store }: AdminDeps, id: string): RevocationScope | undefined {
  const session = store.appSessions.get(id)
  if (session !== undefined) {
    const { deviceId, application } = session
    return { kind: 'application_session', deviceId, application }
  }
  return store.devices.get(id) && { kind: 'device', deviceId: id }
}

/** An application need not be configured any more: its sessions can still be ended. */
function scopesOf(deps: AdminDeps, wanted: z.infer<typeof revokeBody>): readonly RevocationScope[] {
  if ('application' in wanted) return [{ kind: 'application', application: wanted.application }]
  if ('user' in wanted) {
    return idsOf(deps, wanted.user).map((userId) => ({ kind: 'user', userId }))
  }
  const known = deps.store.devices.get(wanted.device)
  return known === undefined ? [] : [{ kind: 'device', deviceId: known.id }]
}

function idsOf({ store }: AdminDeps, email: string): readonly string[] {
  return store.users.byEmail(email.toLowerCase()).map(({ id }) => id)
}

const WHOSE = 'Send JSON with exactly one of "user", "device" and "application".'
