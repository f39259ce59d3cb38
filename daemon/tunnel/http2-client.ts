/**
 * One tunnel connection over node:http2: CONNECT streams for flows, PING for life.
 * The files http2-* of this folder alone know the framing.
 */
import type { ClientHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Moment } from '#lib/moment'
import { err, ok, type Result } from '#lib/result'
import type { TunnelConnection } from '#lib/tunnel/tunnel-connection'
import { connectReason } from './connect-reason.ts'
import { openDatagrams, openFlow } from './http2-flows-client.ts'
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
import { openControl, post } from './http2-request-client.ts'
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
  const on = { session, life, verdictMs: timing.verdictMs }
  return {
    openFlow: (...asked) => openFlow(on, ...asked),
    openDatagrams: (...asked) => openDatagrams(on, ...asked),
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
