/**
 * The resolver's listeners: UDP and TCP on the same port of each address. Never on a wildcard: an answer by UDP would
 * leave from another address than it was asked at.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { formatAddress, type IpAddress } from '#lib/net/address'
import { isUnspecified } from '#lib/net/special-address'
import { serveDnsConnection } from './dns-connection-server.ts'
import type { AnswerQuery } from './resolver.ts'

export type ResolverServerOptions = {
  readonly addresses: readonly IpAddress[]
  /** 0 lets the system choose; all addresses have the same. */
  readonly port: number
  readonly answer: AnswerQuery
  /** Connections at once; default 64. */
  readonly connectionLimit?: number
  /** How long a connection may be silent, or not read; default 10 s (RFC 7766 section 6.2.3). */
  readonly idleMs?: number
}

export interface ResolverServer {
  readonly port: number
  /** Closes all listeners and connections. */
  close(): Promise<void>
}

const CONNECTION_LIMIT = 64
/** A free port of one address may be taken on another one. */
const PORT_TRIES = 5

/** @throws {Error} when a port cannot be had. @throws {RangeError} for a wildcard address. */
export async function startResolverServer(options: ResolverServerOptions): Promise<ResolverServer> {
  for (const address of options.addresses) {
    if (isUnspecified(address)) throw new RangeError('a resolver listens on no wildcard')
  }
  for (let tries = 1; ; tries++) {
    const listeners = new Listeners(options)
    try {
      const port = await listeners.open()
      return { port, close: () => listeners.close() }
    } catch (cause) {
      await listeners.close()
      const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
      if (options.port !== 0 || !isTaken || tries === PORT_TRIES) throw cause
    }
  }
}

class Listeners {
  readonly #options: ResolverServerOptions
  readonly #udp: UdpSocket[] = []
  readonly #tcp: Server[] = []
  readonly #connections = new Set<Socket>()

  constructor(options: ResolverServerOptions) {
    this.#options = options
  }

  async open(): Promise<number> {
    let { port } = this.#options
    for (const address of this.#options.addresses) {
      port = await this.#openTcp(address, port)
      await this.#openUdp(address, port)
    }
    return port
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy()
    const closers = [...this.#udp, ...this.#tcp].map(
      (one) => new Promise<void>((resolve) => one.close(() => resolve())),
    )
    await Promise.all(closers)
  }

  async #openUdp(address: IpAddress, port: number): Promise<void> {
    const { answer } = this.#options
    const socket = createSocket({
      type: address.version === 4 ? 'udp4' : 'udp6',
      ipv6Only: address.version === 6,
    })
    // Before it is bound: one that could not be keeps its descriptor until it is closed.
    this.#udp.push(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ port, address: formatAddress(address), exclusive: true }, resolve)
    })
    socket.removeAllListeners('error')
    // Whoever asked may be gone: no answer can be sent, and none is missed.
    socket.on('error', () => undefined)
    socket.on('message', async (query, { port, address }) => {
      const reply = await answer(query, 'udp')
      if (reply !== undefined && port !== 0) socket.send(reply, port, address, () => undefined)
    })
  }

  async #openTcp(address: IpAddress, port: number): Promise<number> {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
      this.#serve(socket),
    )
    server.maxConnections = this.#options.connectionLimit ?? CONNECTION_LIMIT
    const host = formatAddress(address)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, host, ipv6Only: address.version === 6 }, resolve)
    })
    this.#tcp.push(server)
    return (server.address() as AddressInfo).port
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket)
    socket.on('close', () => this.#connections.delete(socket))
    socket.on('error', () => undefined)
    serveDnsConnection(socket, this.#options.answer, this.#options.idleMs)
  }
}
