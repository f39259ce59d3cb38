/** How long a session lives: PING, GOAWAY, its end, and what is known of it meanwhile. */
import type { ClientHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Moment } from '#lib/moment'
import type { TunnelConnection } from '#lib/tunnel/tunnel-connection'
import { connectReason } from './connect-reason.ts'

/** Milliseconds. */
export type SilenceTiming = {
  /** How often silence is looked for. A dead peer is noticed within 2 × this + `pongMs`: below 10 s. */
  readonly checkMs: number
  /** How long a PING may stay unanswered. */
  readonly pongMs: number
}

/** What is known about a connection while it lives. */
export type Life = {
  lastHeard: Moment
  /** What GOAWAY said, or what we found; the first counts. */
  reason?: string
  isDraining: boolean
  openFlows: number
  /** Flows that were open when the connection went. */
  lostFlows: number
}

export function isUsable(session: ClientHttp2Session, life: Life): boolean {
  return !session.destroyed && !session.closed && !life.isDraining
}

/** Settles when the gateway takes no more flows, with the reason it gave in GOAWAY. */
export function goaway(
  session: ClientHttp2Session,
  life: Life,
): Promise<{ readonly reason: string }> {
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

export function watch(session: ClientHttp2Session, life: Life): TunnelConnection['closed'] {
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
export function watchSilence(
  session: ClientHttp2Session,
  socket: TLSSocket,
  life: Life,
  timing: SilenceTiming,
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

export function probe(session: ClientHttp2Session, withinMs: number): Promise<boolean> {
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

export async function drain(
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
