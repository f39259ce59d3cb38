/**
 * The admin API: JSON over HTTPS on its own origin, one bearer secret. Every action is logged before it takes effect.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename, join } from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { Store } from '../store/store.ts'
import { createHttpsServer, type HttpsOptions, listenOn, refuse } from '../web/https-server.ts'
import { deviceJson, flowJson, recordingJson } from './admin-json.ts'
import { parsePage } from './admin-query.ts'

/** What the API works on. */
export type AdminOptions = HttpsOptions & {
  readonly listen: { readonly host: string; readonly port: number }
  readonly store: Store
  /** Folder of sealed recordings. */
  readonly recordingsDir: string
  /** Checks the bearer secret against its hash, in constant time. */
  readonly checkSecret: (secret: string) => Promise<boolean>
  /** Called after a device is marked revoked: live connections end now. */
  readonly onDeviceRevoked: (deviceId: string) => void
  readonly nowMs: () => number
}

export type AdminServer = {
  readonly address: { readonly host: string; readonly port: number }
  close(): Promise<void>
}

/** Wrong secrets per source address: then 429 until the window has passed. */
const FAILURES = { points: 10, duration: 60 }

/** Method, path and meaning of every route; `docs/reference/admin-api.md` is held against it. */
export const ADMIN_ROUTES = [
  ['GET', '/api/v1/devices', 'devices, with user and state'],
  ['POST', '/api/v1/devices/:id/revoke', 'revoke a device: its connections end now'],
  ['GET', '/api/v1/flows', 'flow records, newest first'],
  ['GET', '/api/v1/flows/:id', 'one flow record, with facts and trace'],
  ['GET', '/api/v1/recordings', 'recordings, newest first'],
  ['GET', '/api/v1/recordings/:id', 'one recording'],
  ['GET', '/api/v1/recordings/:id/content', 'its sealed bytes'],
  ['GET', '/api/v1/recordings/:id/manifest', 'its signed manifest'],
] as const

type ById = { Params: { id: string } }

/** Starts the API. @throws {Error} when the address cannot be listened on. */
export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
  const app = createHttpsServer(options)
  app.addHook('onRequest', authenticate(options))
  addDevices(app, options)
  addFlows(app, options.store)
  addRecordings(app, options)
  const address = await listenOn(app, options.listen)
  return { address, close: () => app.close() }
}

/** scrypt takes tens of milliseconds by design; the digest of a secret that passed is remembered instead. */
function authenticate({ checkSecret, log }: AdminOptions) {
  const failures = new RateLimiterMemory(FAILURES)
  let passed: Buffer | undefined
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (reply.sent) return undefined
    const [, secret] =
      /^Bearer ([\x21-\x7e]{1,256})$/.exec(request.headers.authorization ?? '') ?? []
    const digest = createHash('sha256')
      .update(secret ?? '')
      .digest()
    if (secret !== undefined && passed !== undefined && timingSafeEqual(digest, passed)) return
    // Counted before it is checked: many at once must not all get past the limit to the costly hash.
    const isWithinLimit = await failures.consume(request.ip).then(
      () => true,
      () => false,
    )
    if (!isWithinLimit) {
      return refuse(reply, {
        status: 429,
        code: 'too_many_failures',
        message: 'Too many wrong secrets. Wait a minute.',
      })
    }
    if (secret !== undefined && (await checkSecret(secret))) {
      passed = digest
      await failures.delete(request.ip)
      return
    }
    log.warn({ source: request.ip }, 'admin secret refused')
    reply.header('www-authenticate', 'Bearer')
    return refuse(reply, {
      status: 401,
      code: 'bad_secret',
      message: 'Send the admin secret as a bearer token.',
    })
  }
}

function notFound(reply: FastifyReply, what: string): Promise<void> {
  return refuse(reply, {
    status: 404,
    code: `no_such_${what}`,
    message: `There is no such ${what}.`,
  })
}

function addDevices(app: FastifyInstance, options: AdminOptions): void {
  const { store, log, nowMs } = options
  const json = (id: string) => {
    const device = store.devices.get(id)
    return device === undefined ? undefined : deviceJson(device, store.users.get(device.userId))
  }
  app.get('/api/v1/devices', async () => ({
    devices: store.devices
      .list()
      .map((device) => deviceJson(device, store.users.get(device.userId))),
  }))
  app.post<ById>('/api/v1/devices/:id/revoke', async (request, reply) => {
    const { id } = request.params
    const device = store.devices.get(id)
    if (device === undefined) return notFound(reply, 'device')
    log.info({ action: 'revoke_device', deviceId: id, source: request.ip }, 'admin action')
    if (device.revokedAtMs === undefined) store.devices.update(id, { revokedAtMs: nowMs() })
    options.onDeviceRevoked(id)
    return { device: json(id) }
  })
}

function addFlows(app: FastifyInstance, store: Store): void {
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

function addRecordings(app: FastifyInstance, { store, recordingsDir, log }: AdminOptions): void {
  app.get('/api/v1/recordings', async (request, reply) => {
    const page = parsePage(request.query as Record<string, unknown>)
    if (!page.ok) return badQuery(reply, page.error.reason, page.error.key)
    return { recordings: store.recordings.list(page.value).map(recordingJson) }
  })
  app.get<ById>('/api/v1/recordings/:id', async (request, reply) => {
    const row = store.recordings.get(request.params.id)
    return row === undefined ? notFound(reply, 'recording') : { recording: recordingJson(row) }
  })
  const sendFile =
    (suffix: string) => async (request: FastifyRequest<ById>, reply: FastifyReply) => {
      const row = store.recordings.get(request.params.id)
      if (row === undefined) return notFound(reply, 'recording')
      log.info(
        { action: 'fetch_recording', recordingId: row.id, suffix, source: request.ip },
        'admin action',
      )
      // The name is the store's own and random; basename keeps even a damaged row inside the folder (T66).
      const stream = createReadStream(join(recordingsDir, `${basename(row.file)}${suffix}`))
      try {
        await new Promise<void>((resolve, reject) =>
          stream.once('open', () => resolve()).once('error', reject),
        )
      } catch {
        return notFound(reply, 'recording')
      }
      return reply.type('application/octet-stream').send(stream)
    }
  app.get<ById>('/api/v1/recordings/:id/content', sendFile(''))
  app.get<ById>('/api/v1/recordings/:id/manifest', sendFile('.manifest'))
}

function badQuery(reply: FastifyReply, code: string, key: string): Promise<void> {
  return refuse(reply, {
    status: 400,
    code,
    message: `The query key "${key}" is not one this call takes, or its value is wrong.`,
  })
}
