/**
 * One tunnel connection over node:http2: CONNECT streams for flows, PING for life.
 * The files http2-* of this folder alone know the framing.
 */
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
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
import {
  drain,
  goaway,
  isUsable,
  type Life,
  probe,
  type SilenceTiming,
  watch,
  watchSilence,
} from './http2-life-client.ts'
import { openControl, post, verdict } from './http2-request-client.ts'
import { startSession, startTls, type TlsOptions } from './http2-session-client.ts'
import type { DialTcp } from './tunnel.ts'

export type Http2ConnectOptions = TlsOptions & {
  readonly dial: DialTcp
  readonly now: () => Moment
  /** Gives the attempt up; a connection that stands stays. */
  readonly signal?: AbortSignal
  readonly timing?: Partial<Http2Timing>
}

/** Times of one connection, milliseconds. */
export type Http2Timing = SilenceTiming & {
  /** From dialling to the first answered PING. */
  readonly connectMs: number
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
