/**
 * One tunnel connection over HTTP/2 (RFC 9113): CONNECT streams (section 8.5), of datagrams as well (RFC 9298), the control stream, small posts.
 * The peer has been authenticated and admitted before the first octet of HTTP is read.
 */
import {
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { printAuthority } from '#lib/net/endpoint'
import type { Transport } from '#lib/net/flow-endpoint'
import { parseDatagramPath, transportOf } from '#lib/tunnel/datagram-path'
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
import { wireRefusal } from './refusal.ts'

/** Receive window of one stream: what one slow target can make the gateway hold. 40 MB/s at 100 ms round trip. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024
/** Receive window of the connection; node:http2 replenishes it as data arrives, so it bounds only what is in flight. */
const CONNECTION_WINDOW_BYTES = 256 * 1024 * 1024
const FRAME_BYTES = 256 * 1024
const HEADER_LIST_BYTES = 16 * 1024
const HEADER_PAIRS = 64
const CONCURRENT_STREAMS = 2048
/** Mebibytes that nghttp2 may hold for one session: queued frames, not stream data. */
const SESSION_MEMORY = 512
/** Between PINGs of the gateway; the daemon's own are more frequent. */
const PING_MS = 30_000
/** Time for a peer to read why it has to go; its flows are cut before. */
const FAREWELL_MS = 500

/** Serves an admitted connection; `onClosed` is called once. */
export function serveHttp2(
  socket: TLSSocket,
  peer: TunnelPeer,
  handlers: TunnelHandlers,
  onClosed: () => void,
  pingMs: number = PING_MS,
): TunnelLink {
  const session = openSession(socket)
  const streams = new Set<ServerHttp2Stream>()
  session.once('close', onClosed)
  session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    streams.add(stream)
    stream.once('close', () => streams.delete(stream))
    // A reset stream errors; whoever owns the flow sees its close.
    stream.on('error', () => undefined)
    onStream(stream, headers, peer, handlers)
  })
  watchLife(session, socket, pingMs)
  return {
    close(reason) {
      for (const stream of streams) stream.destroy()
      sayFarewell(session, socket, reason)
    },
    drain: () => session.close(),
  }
}

/**
 * A peer that does not answer one PING until the next is due is gone: a laptop that sleeps, or one that reset so many
 * streams (CVE-2023-44487) that nghttp2 stopped listening to it, which it does without a word to anyone.
 */
function watchLife(session: ServerHttp2Session, socket: TLSSocket, pingMs: number): void {
  let isAnswered = true
  const timer = setInterval(() => {
    // A session that was told to end waits for its last octets, which a dead peer never takes.
    if (!isAnswered || session.destroyed) {
      socket.destroy()
      return
    }
    isAnswered = false
    session.ping((error) => {
      if (error === null) isAnswered = true
    })
  }, pingMs)
  session.once('close', () => clearInterval(timer))
}

/** Tells a peer that is not admitted why, in GOAWAY, and closes. */
export function refuseHttp2(socket: TLSSocket, reason: string): void {
  sayFarewell(openSession(socket), socket, reason)
}

function openSession(socket: TLSSocket): ServerHttp2Session {
  // Half-close is per stream here; a peer that ends the connection has left.
  socket.allowHalfOpen = false
  const session = performServerHandshake(socket, {
    maxSessionMemory: SESSION_MEMORY,
    maxHeaderListPairs: HEADER_PAIRS,
    settings: {
      enablePush: false,
      enableConnectProtocol: true,
      // No dynamic table: the peer cannot make us keep headers (RFC 7541 section 4.2).
      headerTableSize: 0,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxFrameSize: FRAME_BYTES,
      maxConcurrentStreams: CONCURRENT_STREAMS,
      maxHeaderListSize: HEADER_LIST_BYTES,
    },
  })
  session.on('error', () => session.destroy())
  session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
  return session
}

/** GOAWAY with the reason as debug data (RFC 9113 section 6.8); last stream 0: nothing new is looked at. */
function sayFarewell(session: ServerHttp2Session, socket: TLSSocket, reason: string): void {
  if (session.destroyed) return
  session.removeAllListeners('stream')
  session.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined)
    stream.close(constants.NGHTTP2_REFUSED_STREAM)
  })
  session.goaway(constants.NGHTTP2_NO_ERROR, 0, Buffer.from(reason))
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MS)
  socket.once('close', () => clearTimeout(timer))
}

function onStream(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  peer: TunnelPeer,
  handlers: TunnelHandlers,
): void {
  const method = headers[':method']
  if (method === 'CONNECT') {
    onConnect(stream, headers, peer, handlers)
  } else if (method === 'POST') {
    onPost(stream, headers[':path'] ?? '', peer, handlers)
  } else {
    answer(stream, 405)
  }
}

/** Extended CONNECT (RFC 8441) is for datagrams, or refused. */
function onConnect(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  peer: TunnelPeer,
  handlers: TunnelHandlers,
): void {
  const protocol = headers[':protocol']
  const transport = protocol === undefined ? 'tcp' : transportOf(String(protocol))
  if (transport === undefined) {
    answer(stream, 501)
  } else {
    const authority = authorityOf(transport, headers)
    handlers.onFlow(flowOf(stream, headers, { peer, authority, transport }))
  }
}

/** The target as text; a path that names none stands for itself, and is refused for what it is. */
function authorityOf(transport: Transport, headers: IncomingHttpHeaders): string {
  if (transport === 'tcp') return headers[':authority'] ?? ''
  const path = headers[':path'] ?? ''
  const target = parseDatagramPath(transport, path)
  if (target === undefined) return path
  return transport === 'udp' ? printAuthority(target) : target.host
}

function onPost(
  stream: ServerHttp2Stream,
  path: string,
  peer: TunnelPeer,
  handlers: TunnelHandlers,
): void {
  const admitted = peer.admitted()
  const post = handlers.posts.get(path)
  if (!admitted.ok) {
    const { status, headers } = wireRefusal(admitted.error.reason)
    answer(stream, status, headers)
  } else if (path === '/control') {
    stream.respond({ ':status': 200, 'content-type': 'application/jsonl' })
    handlers.onControl(peer, stream)
  } else if (post === undefined) {
    answer(stream, 404)
  } else {
    readBody(stream, async (body) => {
      const { status, body: text } = await post(peer, body)
      if (stream.destroyed) return
      stream.respond({ ':status': status, 'content-type': 'application/json' })
      stream.end(text)
    })
  }
}

function answer(stream: ServerHttp2Stream, status: number, headers = {}): void {
  if (stream.destroyed || stream.closed) return
  stream.respond({ ':status': status, ...headers }, { endStream: true })
  stream.close(constants.NGHTTP2_NO_ERROR)
}

/** RFC 9297 section 3.4. */
const CAPSULES = { 'capsule-protocol': '?1' }

function flowOf(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  asked: Pick<IncomingFlow, 'peer' | 'authority' | 'transport'>,
): IncomingFlow {
  const claims = headers[CLAIMS_HEADER]
  return {
    ...asked,
    claims: readClaims(typeof claims === 'string' ? claims : undefined),
    accept() {
      if (stream.destroyed || stream.closed) return undefined
      stream.respond({ ':status': 200, ...(asked.transport !== 'tcp' && CAPSULES) })
      return stream
    },
    refuse: (refusal) => answer(stream, refusal.status, refusal.headers),
    takeEarly: (onOver) => takeEarly(stream, onOver),
    // RFC 9113 section 8.5 wants CONNECT_ERROR, but node:http2 puts END_STREAM before any code of ours, and a
    // truncated download would look whole. Destroyed with an error it sends INTERNAL_ERROR, and drops what is queued.
    reset: () => stream.destroy(new Error('flow reset')),
    onGone(listener) {
      if (stream.destroyed || stream.closed) listener()
      else stream.once('close', listener)
    },
  }
}
