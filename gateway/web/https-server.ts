/**
 * An HTTPS listener for one origin: bounded before anything is known of the caller, answers only under its own name.
 */
import type { Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Log } from '#lib/log'
import { createPendingLimit } from '../tunnel/pending-limit.ts'
import { type HttpRefusal, refuse } from './refuse.ts'

/** What an origin is made of. */
export type HttpsOptions = {
  /** The origin as users write it; `Host` must equal its host. */
  readonly url: URL
  readonly tls: { readonly certificatePem: string; readonly keyPem: string }
  readonly log: Log
  readonly bodyLimitBytes?: number
  /** How a caller is told of a refusal; `refuse` when absent. */
  readonly refuseBy?: Refuse
}

type Refuse = (reply: FastifyReply, refusal: HttpRefusal, request: FastifyRequest) => Promise<void>

const BODY_LIMIT_BYTES = 16 * 1024
const HEADER_LIMIT_BYTES = 16 * 1024
/** To send a request, ms. */
const REQUEST_TIMEOUT_MS = 15_000
/** How often slow requests are looked for, ms. */
const REQUEST_CHECK_MS = 5000
/** Without an octet either way: longer than an identity provider may take, ms. */
const SILENCE_LIMIT_MS = 30_000
const HANDSHAKE_TIMEOUT_MS = 10_000
/** Between two requests: a browser that goes on reading connects again, ms. */
const KEEP_ALIVE_MS = 5000

/** Sent with every answer; pages add their own policy to this. */
const HEADERS = {
  'strict-transport-security': 'max-age=63072000',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
} as const

/** Makes the listener; routes are added to what comes back, then `listenOn`. */
export function createHttpsServer(options: HttpsOptions): FastifyInstance<Server> {
  const { refuseBy = refuse } = options
  const app = Fastify({
    https: {
      cert: options.tls.certificatePem,
      key: options.tls.keyPem,
      minVersion: 'TLSv1.2',
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxHeaderSize: HEADER_LIMIT_BYTES,
      connectionsCheckingInterval: REQUEST_CHECK_MS,
    },
    bodyLimit: options.bodyLimitBytes ?? BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: SILENCE_LIMIT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    // A HEAD would do all that the GET does.
    exposeHeadRoutes: false,
    logger: false,
    // A path that cannot be read comes before every hook.
    frameworkErrors: (error, request, reply) => {
      reply.headers(HEADERS)
      return refuseBy(reply, refusalOf(error, request, options.log), request)
    },
  })
  boundConnections(app.server)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS)
    if (request.headers.host === options.url.host) return
    const message = 'This origin has another name.'
    await refuseBy(reply, { status: 421, code: 'wrong_host', message }, request)
  })
  app.setNotFoundHandler((request, reply) =>
    refuseBy(reply, { status: 404, code: 'not_found', message: 'There is nothing here.' }, request),
  )
  app.setErrorHandler((error, request, reply) =>
    refuseBy(reply, refusalOf(error, request, options.log), request),
  )
  return app
}

/** Nobody is known by a connection here: all count as those do at the tunnel that did not authenticate yet. */
function boundConnections(server: Server): void {
  const limit = createPendingLimit()
  server.on('connection', (socket: Socket) => {
    const leave = limit.enter(socket.remoteAddress ?? '')
    if (leave === undefined) socket.destroy()
    else socket.once('close', leave)
  })
}

/** The cause goes to the log; the caller learns only what is about the caller's own request. */
function refusalOf(error: unknown, request: FastifyRequest, log: Log): HttpRefusal {
  const { statusCode = 500, code = 'internal_error' } = error as {
    statusCode?: number
    code?: string
  }
  const path = request.routeOptions.url ?? '(no route)'
  if (statusCode >= 500) {
    log.error(
      { path, error: error instanceof Error ? error.message : String(error) },
      'request failed',
    )
    return { status: 500, code: 'internal_error', message: 'Something failed here.' }
  }
  log.warn({ path, reason: code }, 'request refused')
  return {
    status: statusCode,
    code: code.replace(/^FST_(ERR_)?/, '').toLowerCase(),
    message: 'The request is malformed.',
  }
}

/** Listens. @returns the actual address, for port 0. */
export async function listenOn(
  app: FastifyInstance<Server>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<{ readonly host: string; readonly port: number }> {
  await app.listen({ host, port })
  const address = app.server.address() as AddressInfo
  return { host: address.address, port: address.port }
}
