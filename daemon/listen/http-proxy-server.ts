/**
 * HTTP clients of the proxy port: CONNECT, plain-HTTP forwarding, and the PAC file. node:http parses; the form of
 * a request is judged in ./http-message.ts. Sockets come from ./proxy-server.ts, this server listens nowhere.
 */
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FlowRefusal, FlowTarget, OnGone } from '#lib/tunnel/tunnel-connection'
import { watchGone } from './client-gone-server.ts'
import { forwardRequest } from './http-forward-client.ts'
import { isOwnHost, parseAbsoluteForm } from './http-message.ts'
import type { OpenFlow } from './open-flow.ts'
import { PAC_TYPE } from './pac.ts'
import { type LocalReason, localRefusal, printAnswer, refusalAnswer } from './refusal.ts'
import { splice } from './splice-os.ts'
import { parseAuthority } from './target.ts'

export type HttpProxyDeps = {
  readonly openFlow: OpenFlow
  /** Text of the PAC file now. */
  readonly pac: () => string
  /** Port of the proxy, for the `Host` check. */
  readonly port: () => number
  readonly onRefused: (reason: string) => void
  /** Time for the head of a request, in milliseconds. */
  readonly requestTimeoutMs: number
}

export interface HttpProxy {
  /** Takes over a socket; octets that were read from it are unshifted. */
  accept(socket: Socket): void
  close(): void
}

/** Largest request head; node answers 431 beyond it. */
const HEAD_LIMIT_BYTES = 16 * 1024
/** How long a client may stay silent between two requests. */
const KEEP_ALIVE_MS = 30_000
const CONNECT_ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

/** Makes the HTTP half of the proxy port. */
export function createHttpProxy(deps: HttpProxyDeps): HttpProxy {
  const server = http.createServer({
    maxHeaderSize: HEAD_LIMIT_BYTES,
    headersTimeout: deps.requestTimeoutMs,
    // Bodies are as long as programs make them; the head alone is on the clock.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(deps.requestTimeoutMs, 1000),
  })
  server.on('request', (request, response) => void answer(request, response, deps))
  server.on('connect', (request, client, head) => void connect(request, client, head, deps))
  server.on('clientError', (error: NodeJS.ErrnoException, client) => {
    refuseSocket(client, localRefusal(reasonOf(error)), undefined, deps)
  })
  // node:http starts its clock for request heads on this event, and this server never listens.
  server.emit('listening')
  return {
    accept: (socket) => void server.emit('connection', socket),
    close: () => server.close(),
  }
}

async function connect(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  deps: HttpProxyDeps,
): Promise<void> {
  client.on('error', () => client.destroy())
  const target = parseAuthority(request.url ?? '')
  if (!target.ok) return refuseSocket(client, localRefusal('bad_destination'), undefined, deps)
  const { onGone, stop } = watchGone(client)
  const flow = await deps.openFlow(target.value, {}, onGone)
  stop()
  if (!flow.ok) return refuseSocket(client, flow.error, target.value, deps)
  client.write(CONNECT_ESTABLISHED)
  if (head.length > 0) client.unshift(head)
  splice(client, flow.value)
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  deps: HttpProxyDeps,
): Promise<void> {
  const refuse = (refusal: FlowRefusal, target?: FlowTarget): void => {
    deps.onRefused(refusal.reason)
    refuseRequest(request, response, refusal, target)
  }
  if (request.url?.startsWith('/')) return answerOrigin(request, response, deps, refuse)
  const parsed = parseAbsoluteForm(request.url ?? '')
  if (!parsed.ok) return refuse(localRefusal('bad_request'))
  const onGone: OnGone = (giveUp) => {
    if (response.destroyed) giveUp()
    else response.once('close', giveUp)
  }
  const flow = await deps.openFlow(parsed.value.target, {}, onGone)
  if (!flow.ok) return refuse(flow.error, parsed.value.target)
  if (response.destroyed) {
    flow.value.destroy()
    return
  }
  forwardRequest(request, response, parsed.value, flow.value, () =>
    refuse(localRefusal('target_unreachable'), parsed.value.target),
  )
}

/** Origin-form requests reach nothing but the PAC file, and only under our own name (T100). */
function answerOrigin(
  request: IncomingMessage,
  response: ServerResponse,
  deps: HttpProxyDeps,
  refuse: (refusal: FlowRefusal) => void,
): void {
  const known = request.method === 'GET' && request.url === '/proxy.pac'
  if (!isOwnHost(request.headers.host, deps.port())) refuse(localRefusal('wrong_host'))
  else if (!known) refuse(localRefusal('not_found'))
  else {
    response.writeHead(200, { 'content-type': PAC_TYPE, 'cache-control': 'no-cache' })
    response.end(deps.pac())
  }
}

function refuseRequest(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: FlowRefusal,
  target: FlowTarget | undefined,
): void {
  const page = refusalAnswer(
    refusal,
    target,
    request.headers.accept?.includes('text/html') ?? false,
  )
  // After a request that was not understood, the octets that follow it are not either.
  if (page.status === 400) response.setHeader('connection', 'close')
  response.writeHead(page.status, page.headers)
  response.end(request.method === 'HEAD' ? undefined : page.body)
  // A body nobody wants is read away, so that the connection can carry the next request.
  request.resume()
}

function refuseSocket(
  client: Duplex,
  refusal: FlowRefusal,
  target: FlowTarget | undefined,
  deps: HttpProxyDeps,
): void {
  deps.onRefused(refusal.reason)
  if (client.writable) client.end(printAnswer(refusalAnswer(refusal, target, false)))
  else client.destroy()
  client.resume()
}

function reasonOf({ code }: NodeJS.ErrnoException): LocalReason {
  if (code === 'HPE_HEADER_OVERFLOW') return 'too_large'
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'bad_request'
}
