/**
 * One tunnel connection over node:http2: CONNECT streams for flows, PING for life.
 * The only file of the daemon that knows the framing.
 */
import {
  type ClientHttp2Session,
  connect as connectSession,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Moment } from '#lib/moment'
import { printAuthority } from '#lib/net/endpoint'
import { err, ok, type Result } from '#lib/result'
import { datagramsOn } from '#lib/tunnel/datagram-flow'
import { printDatagramPath, protocolOf } from '#lib/tunnel/datagram-path'
import type {
  DatagramTransport,
  FlowClaims,
  FlowRefusal,
  FlowTarget,
  OnGone,
  TunnelConnection,
} from '#lib/tunnel/tunnel-connection'
import { connectReason } from './connect-reason.ts'
import { claimsHeader } from './flow-request.ts'
import { openControl, post, verdict } from './http2-request-client.ts'
import type { DialTcp, TcpEndpoint, TunnelCredentials } from './tunnel.ts'

export type Http2ConnectOptions = {
  readonly gateway: TcpEndpoint
  readonly credentials: TunnelCredentials
  readonly dial: DialTcp
  readonly now: () => Moment
  /** Gives the attempt up; a connection that stands stays. */
  readonly signal?: AbortSignal
  /** TLS ticket of an earlier connection with the same credentials. */
  readonly ticket?: Buffer
  readonly onTicket?: (ticket: Buffer) => void
  /** Sees the TLS connection once it stands: for measurements. */
  readonly onTls?: (socket: TLSSocket) => void
  readonly timing?: Partial<Http2Timing>
}

/** Times of one connection, milliseconds. */
export type Http2Timing = {
  /** From dialling to the first answered PING. */
  readonly connectMs: number
  /** How often silence is looked for. A dead peer is noticed within 2 × this + `pongMs`: below 10 s. */
  readonly checkMs: number
  /** How long a PING may stay unanswered. */
  readonly pongMs: number
  /** How long a verdict may take; the gateway may hold a flow for a login, up to 10 minutes. */
  readonly verdictMs: number
  readonly postMs: number
}

const TIMING: Http2Timing = {
  connectMs: 10_000,
  checkMs: 2_500,
  pongMs: 4_000,
  verdictMs: 660_000,
  postMs: 15_000,
}
const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256'
/** What one slow program can make the daemon hold; 40 MB/s at 100 ms round trip. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024
const CONNECTION_WINDOW_BYTES = 256 * 1024 * 1024
const FRAME_BYTES = 256 * 1024
const SESSION_MEMORY = 512

/** Connects; the connection is handed out after the gateway answered a PING, so it is known to be let in. */
export async function connectHttp2(
  options: Http2ConnectOptions,
): Promise<Result<TunnelConnection, { readonly reason: string }>> {
  const timing = { ...TIMING, ...options.timing }
  const timeout = AbortSignal.timeout(timing.connectMs)
  const given = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal])
  try {
    const raw = await options.dial(options.gateway, given)
    const socket = startTls(raw, options)
    const session = startSession(socket, options.gateway)
    const connection = wrap(session, socket, timing, options.now)
    const first = await firstAnswer(session, connection, given)
    if (first === undefined) return ok(connection)
    session.destroy()
    socket.destroy()
    return err({ reason: first })
  } catch (error) {
    return err({ reason: timeout.aborted ? 'connect_timeout' : connectReason(error) })
  }
}

function startTls(raw: Duplex, options: Http2ConnectOptions): TLSSocket {
  const { host } = options.gateway
  const socket = connectTls({
    socket: raw,
    host,
    servername: isIP(host) === 0 ? host : '',
    ca: options.credentials.gatewayCa,
    cert: options.credentials.certificate,
    key: options.credentials.key,
    minVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    ALPNProtocols: ['h2'],
    ...(options.ticket === undefined ? {} : { session: options.ticket }),
  })
  socket.on('session', (ticket: Buffer) => options.onTicket?.(ticket))
  socket.once('secureConnect', () => options.onTls?.(socket))
  raw.once('error', () => socket.destroy())
  return socket
}

function startSession(socket: TLSSocket, { host, port }: TcpEndpoint): ClientHttp2Session {
  const session = connectSession(`https://${printAuthority({ host, port })}`, {
    createConnection: () => socket,
    maxSessionMemory: SESSION_MEMORY,
    settings: {
      enablePush: false,
      headerTableSize: 0,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxFrameSize: FRAME_BYTES,
    },
  })
  session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES))
  return session
}

/** Settles with undefined after a PING round trip, else with the reason why there is none. */
function firstAnswer(
  session: ClientHttp2Session,
  connection: TunnelConnection,
  given: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    given.addEventListener('abort', () => resolve('connect_timeout'), { once: true })
    connection.closed.then(({ reason }) => resolve(reason)).catch(() => undefined)
    session.once('remoteSettings', () => {
      // An error means that the session is closing: `closed` knows why.
      session.ping((error) => {
        if (error === null) resolve(undefined)
      })
    })
  })
}

/** What is known about a connection while it lives. */
type Life = {
  lastHeard: Moment
  /** What GOAWAY said, or what we found; the first counts. */
  reason?: string
  isDraining: boolean
  openFlows: number
  /** Flows that were open when the connection went. */
  lostFlows: number
}

function wrap(
  session: ClientHttp2Session,
  socket: TLSSocket,
  timing: Http2Timing,
  now: () => Moment,
): TunnelConnection {
  const life: Life = { lastHeard: now(), isDraining: false, openFlows: 0, lostFlows: 0 }
  const closed = watch(session, life)
  watchSilence(session, socket, life, timing, now)
  const open = (
    headers: OutgoingHttpHeaders,
    claims: FlowClaims,
    onGone?: OnGone,
  ): Promise<Result<Duplex, FlowRefusal>> => {
    if (!isUsable(session, life)) return Promise.resolve(err(notConnected(life)))
    const limit = session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY
    if (life.openFlows >= limit) return Promise.resolve(err(TOO_MANY))
    const stream = session.request(
      { ':method': 'CONNECT', ...headers, ...claimsHeader(claims) },
      { endStream: false },
    )
    life.openFlows += 1
    stream.once('close', () => {
      life.openFlows -= 1
      if (session.destroyed) life.lostFlows += 1
    })
    return verdict(stream, timing.verdictMs, onGone)
  }
  return {
    openFlow: (target, claims, onGone) =>
      open({ ':authority': printAuthority(target) }, claims, onGone),
    async openDatagrams(transport, target, claims, onGone) {
      if (!offersProtocols(session)) return err(UNSUPPORTED)
      const opened = await open(datagramHeaders(transport, target), claims, onGone)
      if (!opened.ok) return opened.error.status === NOT_IMPLEMENTED ? err(UNSUPPORTED) : opened
      return ok(datagramsOn(opened.value, setImmediate))
    },
    openControl: () => openControl(session, timing.postMs),
    post: (path, body) => post(session, path, body, timing.postMs),
    get openFlows() {
      return life.openFlows
    },
    get usable() {
      return isUsable(session, life)
    },
    get lastHeard() {
      return life.lastHeard
    },
    async probe(withinMs) {
      const isAlive = await probe(session, withinMs)
      if (isAlive) life.lastHeard = now()
      return isAlive
    },
    drain: (deadlineMs) => drain(session, socket, deadlineMs),
    unusable: Promise.race([closed, goaway(session, life)]),
    closed,
  }
}

/** What a gateway answers to a protocol that it does not know. */
const NOT_IMPLEMENTED = 501
const UNSUPPORTED: FlowRefusal = {
  status: 503,
  reason: 'transport_unsupported',
  detail: 'This gateway is too old to carry it.',
}

/** Extended CONNECT (RFC 8441 section 3). A connection that is gone is no news: it says so itself. */
function offersProtocols(session: ClientHttp2Session): boolean {
  return session.destroyed || session.remoteSettings.enableConnectProtocol === true
}

/** RFC 9298 section 3.4; the gateway goes by the path alone. */
function datagramHeaders(transport: DatagramTransport, target: FlowTarget): OutgoingHttpHeaders {
  return {
    ':protocol': protocolOf(transport),
    ':scheme': 'https',
    ':authority': 'gateway',
    ':path': printDatagramPath(transport, target),
    'capsule-protocol': '?1',
  }
}

const TOO_MANY: FlowRefusal = { status: 503, reason: 'too_many_flows' }

function notConnected(life: Life): FlowRefusal {
  return { status: 503, reason: life.isDraining ? 'gateway_draining' : 'not_connected' }
}

function isUsable(session: ClientHttp2Session, life: Life): boolean {
  return !session.destroyed && !session.closed && !life.isDraining
}

/** Settles when the gateway takes no more flows, with the reason it gave in GOAWAY. */
function goaway(session: ClientHttp2Session, life: Life): Promise<{ readonly reason: string }> {
  return new Promise((resolve) => {
    session.on('goaway', (_code: number, _last: number, data?: Buffer) => {
      life.isDraining = true
      // Debug data is prose for other servers; ours sends a code (RFC 9113 section 6.8).
      const text = data === undefined ? '' : Buffer.from(data).toString('latin1')
      life.reason ??= /^[a-z_]{1,64}$/.test(text) ? text : 'gateway_draining'
      resolve({ reason: life.reason })
    })
  })
}

function watch(session: ClientHttp2Session, life: Life): TunnelConnection['closed'] {
  session.on('error', (error) => {
    life.reason ??= connectReason(error)
  })
  return new Promise((resolve) => {
    session.once('close', () =>
      resolve({ reason: life.reason ?? 'connection_lost', flows: life.lostFlows + life.openFlows }),
    )
  })
}

/** PINGs a silent peer (RFC 9113 section 6.7), and gives it up when it does not answer. */
function watchSilence(
  session: ClientHttp2Session,
  socket: TLSSocket,
  life: Life,
  timing: Http2Timing,
  now: () => Moment,
): void {
  let bytesSeen = 0
  let pong: NodeJS.Timeout | undefined
  const heard = () => {
    clearTimeout(pong)
    pong = undefined
    life.lastHeard = now()
  }
  const giveUp = () => {
    life.reason ??= 'ping_timeout'
    // The session would wait for its pending writes; a dead peer never takes them.
    socket.destroy()
    session.destroy()
  }
  const check = () => {
    const hasNew = socket.bytesRead !== bytesSeen
    bytesSeen = socket.bytesRead
    if (hasNew) heard()
    else if (pong === undefined && !session.destroyed && !session.connecting) {
      pong = setTimeout(giveUp, timing.pongMs)
      session.ping((error) => {
        if (error === null) heard()
      })
    }
  }
  const timer = setInterval(check, timing.checkMs)
  session.once('close', () => {
    clearInterval(timer)
    clearTimeout(pong)
  })
}

function probe(session: ClientHttp2Session, withinMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), withinMs)
    const settle = (isAlive: boolean): void => {
      clearTimeout(timer)
      resolve(isAlive)
    }
    if (session.destroyed) settle(false)
    else if (!session.ping((error) => settle(error === null))) settle(false)
  })
}

async function drain(
  session: ClientHttp2Session,
  socket: TLSSocket,
  deadlineMs: number,
): Promise<void> {
  if (session.destroyed) return
  const closed = new Promise<void>((resolve) => session.once('close', () => resolve()))
  const timer = setTimeout(() => {
    session.destroy()
    socket.destroy()
  }, deadlineMs)
  session.close()
  await closed
  clearTimeout(timer)
}
