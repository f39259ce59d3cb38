/**
 * Dials through the upstream proxy, or directly where there is none: raw TCP for the tunnel, an agent for HTTPS calls.
 */
import { once } from 'node:events'
import { request } from 'node:http'
import { Agent, type RequestOptions } from 'node:https'
import { connect, isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { SocksClient } from 'socks'
import { printAuthority } from '#lib/net/endpoint'
import type { DialTcp, TcpEndpoint } from '../tunnel/tunnel.ts'
import { parseUpstream, type UpstreamProxy } from './upstream-proxy.ts'

/** URL of the proxy for a destination, and our own ports, both as they are at the time of the call. */
export type UpstreamChoice = {
  readonly urlFor: (to: TcpEndpoint) => string | undefined
  readonly ownPorts: () => readonly number[]
}

const CONNECT_TIMEOUT_MS = 15_000

/** A proxy that refused, or that may not be used; `reason` is a stable code. */
export class UpstreamRefused extends Error {
  readonly reason: string
  constructor(reason: string, detail: string) {
    super(`upstream proxy: ${detail}`)
    this.reason = reason
  }
}

/** Makes the dialler of the daemon. Its errors hold no URL, since that may hold a password. */
export function createDial({ urlFor, ownPorts }: UpstreamChoice): DialTcp {
  return (to, signal) => {
    const url = urlFor(to)
    return attempt<Duplex>(signal, (own) => {
      if (url === undefined) return dialDirectly(to, own)
      const proxy = parseUpstream(url, ownPorts())
      if (!proxy.ok) throw new UpstreamRefused(proxy.error.reason, proxy.error.reason)
      return dialThrough(proxy.value, to, own)
    })
  }
}

/** An agent whose TLS runs over the dialler's connections. */
export function agentOver(dial: DialTcp): Agent {
  // https.Agent has put the server name in `options`, and checks the certificate against it.
  class DialAgent extends Agent {
    override createConnection(
      options: RequestOptions,
      callback?: (error: Error | null, stream: Duplex) => void,
    ): undefined {
      const to = { host: options.host ?? '', port: Number(options.port) }
      dial(to, AbortSignal.timeout(CONNECT_TIMEOUT_MS))
        .then((socket) => connectTls(tlsOptions(options, socket)))
        .then(
          (socket) => callback?.(null, socket),
          (error: Error) => callback?.(error, undefined as unknown as Duplex),
        )
    }
  }
  return new DialAgent()
}

/** https.Agent hands over everything of the request; its null values mean "absent". */
function tlsOptions(options: RequestOptions, socket: Duplex): ConnectionOptions {
  const present = Object.entries(options).filter(([, value]) => value !== null)
  return { ...Object.fromEntries(present), socket }
}

/** A signal of our own: the caller's may fire when the connection has long been standing, and must not end it then. */
async function attempt<T>(signal: AbortSignal, work: (own: AbortSignal) => Promise<T>): Promise<T> {
  const own = new AbortController()
  const giveUp = (): void => own.abort()
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    return await work(own.signal)
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

async function dialDirectly(to: TcpEndpoint, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host: to.host, port: to.port, noDelay: true, signal })
  // Stays: a reset in the moment before somebody else listens must not end the daemon.
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

async function dialThrough(
  proxy: UpstreamProxy,
  to: TcpEndpoint,
  signal: AbortSignal,
): Promise<Duplex> {
  let raw: Socket | undefined
  try {
    raw = await dialDirectly(proxy, signal)
    return proxy.kind === 'http'
      ? await askHttp(await secured(raw, proxy), proxy, to)
      : await askSocks(raw, proxy, to)
  } catch (error) {
    const isReached = raw !== undefined
    raw?.destroy()
    // The packages' errors carry their options, and so the password.
    if (signal.aborted) throw new UpstreamRefused('connect_timeout', 'no answer in time')
    if (!isReached) throw new UpstreamRefused('upstream_unreachable', 'unreachable')
    if (asksPassword(error)) throw new UpstreamRefused('upstream_asks_password', 'asks who we are')
    throw new UpstreamRefused('upstream_refused', 'it refused')
  }
}

/** Status 407 (RFC 9110 section 15.5.8), or what the package says of the authentication of SOCKS5. */
function asksPassword(error: unknown): boolean {
  const { message } = error as Error
  return message === '407' || /authentication/i.test(message)
}

async function askSocks(raw: Socket, proxy: UpstreamProxy, to: TcpEndpoint): Promise<Socket> {
  const { username, password } = proxy.url
  const user = username === '' ? {} : { userId: decodeURIComponent(username) }
  const secret = password === '' ? {} : { password: decodeURIComponent(password) }
  const type = proxy.kind === 'socks5' ? 5 : 4
  const { socket } = await SocksClient.createConnection({
    command: 'connect',
    proxy: { host: proxy.host, port: proxy.port, type, ...user, ...secret },
    destination: to,
    existing_socket: raw,
    timeout: CONNECT_TIMEOUT_MS,
  })
  return socket
}

/** An https:// proxy is spoken to over TLS, checked with the system's CAs. */
async function secured(raw: Socket, { url, host }: UpstreamProxy): Promise<Duplex> {
  if (url.protocol !== 'https:') return raw
  const socket = connectTls({ socket: raw, host, ...(isIP(host) ? {} : { servername: host }) })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return socket
}

/** CONNECT (RFC 9110 section 9.3.6) by node:http: https-proxy-agent cannot give up a proxy that stays silent. */
function askHttp(over: Duplex, { url }: UpstreamProxy, to: TcpEndpoint): Promise<Duplex> {
  const authority = printAuthority(to)
  const { username, password } = url
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const credentials = `Basic ${Buffer.from(pair).toString('base64')}`
  return new Promise((resolve, reject) => {
    const asked = request({
      createConnection: () => over,
      method: 'CONNECT',
      path: authority,
      headers: {
        host: authority,
        ...(pair === ':' ? {} : { 'proxy-authorization': credentials }),
      },
    })
    asked.on('error', reject)
    asked.on('connect', ({ statusCode = 0 }, socket, head) => {
      if (statusCode < 200 || statusCode > 299) return reject(new Error(String(statusCode)))
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    asked.end()
  })
}
