/**
 * Dials through the upstream proxy, or directly where there is none: raw TCP for the tunnel, an agent for HTTPS calls.
 */
import { EventEmitter } from 'node:events'
import type { ClientRequest } from 'node:http'
import { Agent, type RequestOptions } from 'node:https'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { SocksClient } from 'socks'
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
  return async (to, signal) => {
    const url = urlFor(to)
    if (url === undefined) return dialDirectly(to, signal)
    const proxy = parseUpstream(url, ownPorts())
    if (!proxy.ok) throw new UpstreamRefused(proxy.error.reason, proxy.error.reason)
    return abortable(signal, dialThrough(proxy.value, to))
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

async function dialDirectly(to: TcpEndpoint, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host: to.host, port: to.port, noDelay: true, signal })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  socket.removeAllListeners('error')
  return socket
}

function dialThrough(proxy: UpstreamProxy, to: TcpEndpoint): Promise<Socket> {
  return proxy.kind === 'http' ? dialHttp(proxy, to) : dialSocks(proxy, to)
}

async function dialSocks(proxy: UpstreamProxy, to: TcpEndpoint): Promise<Socket> {
  const { username, password } = proxy.url
  const user = username === '' ? {} : { userId: decodeURIComponent(username) }
  const secret = password === '' ? {} : { password: decodeURIComponent(password) }
  try {
    const { socket } = await SocksClient.createConnection({
      command: 'connect',
      proxy: {
        host: proxy.host,
        port: proxy.port,
        type: proxy.kind === 'socks5' ? 5 : 4,
        ...user,
        ...secret,
      },
      destination: to,
      timeout: CONNECT_TIMEOUT_MS,
    })
    return socket.setNoDelay()
  } catch {
    // The package's error carries its options, and so the password.
    throw new UpstreamRefused('upstream_refused', 'SOCKS proxy unreachable, or it refused')
  }
}

async function dialHttp(proxy: UpstreamProxy, to: TcpEndpoint): Promise<Socket> {
  const agent = new HttpsProxyAgent(proxy.url)
  let status = 0
  agent.on('proxyConnect', (answer: { statusCode: number }) => {
    status = answer.statusCode
  })
  // The agent speaks CONNECT for a request; there is none here, only its events.
  const request = new EventEmitter() as ClientRequest
  try {
    const socket = await agent.connect(request, { ...to, secureEndpoint: false })
    if (status === 200) return socket.setNoDelay()
    socket.destroy()
  } catch {
    // An error may quote the URL, and so the password.
  }
  throw new UpstreamRefused('upstream_refused', `HTTP proxy unreachable, or it refused (${status})`)
}

/** Neither package takes a signal: a connection that comes too late is closed. */
async function abortable(signal: AbortSignal, dialling: Promise<Socket>): Promise<Socket> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  try {
    return await Promise.race([dialling, aborted])
  } catch (error) {
    dialling.then((socket) => socket.destroy()).catch(() => {})
    throw error
  }
}
