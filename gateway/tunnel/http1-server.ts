/**
 * One tunnel connection over HTTP/1.1: a CONNECT (RFC 9110 section 9.3.6) that then is the flow, or small posts.
 * For stock clients such as curl; the daemon speaks HTTP/2.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { readBody } from './body-server.ts'
import { takeEarly } from './early-octets-server.ts'
import {
  CLAIMS_HEADER,
  type IncomingFlow,
  readClaims,
  type TunnelHandlers,
  type TunnelLink,
  type TunnelPeer,
} from './incoming.ts'
import { type WireRefusal, wireRefusal } from './refusal.ts'

const HEADER_BYTES = 16 * 1024
const HEADER_COUNT = 64
/** For one request, from the end of the handshake (or of the last answer) to its last header. */
const REQUEST_TIMEOUT_MS = 10_000

/** What is served on a connection: an admitted peer, or the refusal that it gets for whatever it asks. */
type Service =
  | { readonly peer: TunnelPeer; readonly handlers: TunnelHandlers }
  | { readonly refusal: WireRefusal }

/** Serves an admitted connection; `onClosed` is called once. */
export function serveHttp1(
  socket: TLSSocket,
  peer: TunnelPeer,
  handlers: TunnelHandlers,
  onClosed: () => void,
): TunnelLink {
  let isIdle = true
  serve(socket, { peer, handlers }, () => {
    isIdle = false
  })
  socket.once('close', onClosed)
  return {
    close: () => socket.destroy(),
    drain() {
      if (isIdle) socket.destroy()
    },
  }
}

/** Answers the first request with the refusal, and closes. */
export function refuseHttp1(socket: TLSSocket, refusal: WireRefusal): void {
  serve(socket, { refusal }, () => undefined)
}

function serve(socket: TLSSocket, service: Service, onRequested: () => void): void {
  const server = createServer({ maxHeaderSize: HEADER_BYTES, keepAlive: false })
  server.maxHeadersCount = HEADER_COUNT
  const timer = setTimeout(() => socket.destroy(), REQUEST_TIMEOUT_MS)
  socket.once('close', () => clearTimeout(timer))
  server.on('clientError', () => socket.destroy())
  server.on('connect', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    clearTimeout(timer)
    onRequested()
    if ('refusal' in service) writeHead(stream, service.refusal)
    else service.handlers.onFlow(flowOf(socket, request, head, service.peer))
  })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    clearTimeout(timer)
    onRequested()
    onRequest(request, response, service)
  })
  server.emit('connection', socket)
}

function onRequest(request: IncomingMessage, response: ServerResponse, service: Service): void {
  response.setHeader('connection', 'close')
  const admitted = 'peer' in service ? service.peer.admitted() : undefined
  const post = 'peer' in service ? service.handlers.posts.get(request.url ?? '') : undefined
  if ('refusal' in service) {
    response.writeHead(service.refusal.status, service.refusal.headers).end()
  } else if (admitted?.ok === false) {
    const { status, headers } = wireRefusal(admitted.error.reason)
    response.writeHead(status, headers).end()
  } else if (request.method !== 'POST' || post === undefined) {
    response.writeHead(request.method === 'POST' ? 404 : 405).end()
  } else {
    readBody(request, async (body) => {
      const reply = await post(service.peer, body)
      response.writeHead(reply.status, { 'content-type': 'application/json' }).end(reply.body)
    })
  }
}

function flowOf(
  socket: TLSSocket,
  request: IncomingMessage,
  head: Buffer,
  peer: TunnelPeer,
): IncomingFlow {
  const claims = request.headers[CLAIMS_HEADER]
  return {
    peer,
    authority: request.url ?? '',
    transport: 'tcp',
    claims: readClaims(typeof claims === 'string' ? claims : undefined),
    accept() {
      if (socket.destroyed) return undefined
      // Octets that came with the request are payload already.
      if (head.length > 0) socket.unshift(head)
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      return socket
    },
    refuse: (refusal) => writeHead(socket, refusal),
    takeEarly: (onOver) => takeEarly(socket, onOver),
    reset: () => socket.destroy(),
    onGone(listener) {
      if (socket.destroyed) listener()
      else socket.once('close', listener)
    },
  }
}

function writeHead(stream: Duplex, { status, headers }: WireRefusal): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const text = `HTTP/1.1 ${status} Refused\r\n${lines.join('')}content-length: 0\r\nconnection: close\r\n\r\n`
  stream.end(text, () => stream.destroy())
}
