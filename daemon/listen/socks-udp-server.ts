/**
 * UDP for SOCKS5 clients (RFC 1928 section 7): one relay socket on 127.0.0.1 for each association, one flow for each
 * destination. An association ends with its TCP connection, a flow when nothing passes. The octets are in
 * ./socks5-udp-message.ts.
 */
import dgram, { type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Log } from '#lib/log'
import { UDP_RECEIVE_OCTETS } from '#lib/net/udp-client'
import type { OpenDatagrams } from './open-flow.ts'
import { createSocksUdpFlows, type SocksUdpFlows } from './socks-udp-flow-client.ts'
import { parseSocksDatagram } from './socks5-udp-message.ts'

export type SocksUdpDeps = {
  readonly openDatagrams: OpenDatagrams
  /** Whether the program behind this address and port may send; asked at first, and each second that it sends. */
  readonly maySend: (address: string, port: number) => Promise<boolean>
  readonly onRefused: (reason: string) => void
  readonly log: Log
  readonly limits?: Partial<SocksUdpLimits>
}

export type SocksUdpLimits = {
  /** Associations at once. */
  readonly associations: number
  /** Destinations of one association at once. */
  readonly destinations: number
  /** A flow ends after this long without a datagram: two minutes at least (RFC 4787 REQ-5). */
  readonly idleMs: number
}

/** Defaults. */
const LIMITS: SocksUdpLimits = { associations: 256, destinations: 64, idleMs: 120_000 }
const LOOPBACK = '127.0.0.1'
/** Datagrams that wait while the kernel is asked whose they are. */
const EARLY_LIMIT = 16
/** A program may close its socket and keep its association: the port is anybody's then. */
const ASK_AGAIN_MS = 1_000

export interface SocksUdp {
  /**
   * Begins an association that ends with `client`.
   * @param clientPort the port that the client says it sends from; 0 is the first that it sends from.
   * @returns the port of the relay, or the reason there is none.
   */
  begin(client: Socket, clientPort: number): Promise<number | 'too_many_associations'>
}

export function createSocksUdp(deps: SocksUdpDeps): SocksUdp {
  const limits = { ...LIMITS, ...deps.limits }
  let associations = 0
  return {
    async begin(client, clientPort) {
      if (associations >= limits.associations) return 'too_many_associations'
      associations++
      client.once('close', () => associations--)
      const relay = dgram.createSocket({ type: 'udp4', recvBufferSize: UDP_RECEIVE_OCTETS })
      relay.bind({ address: LOOPBACK, port: 0, exclusive: true })
      await once(relay, 'listening')
      serveAssociation(client, relay, clientPort, deps, limits)
      return relay.address().port
    },
  }
}

function serveAssociation(
  client: Socket,
  relay: UdpSocket,
  clientPort: number,
  deps: SocksUdpDeps,
  limits: SocksUdpLimits,
): void {
  const address = client.remoteAddress
  const drops = new Map<string, number>()
  const drop = (reason: string): void => void drops.set(reason, (drops.get(reason) ?? 0) + 1)
  const sender = createSender(clientPort, deps.maySend, drop)
  const flows = createSocksUdpFlows({
    ...{ openDatagrams: deps.openDatagrams, onRefused: deps.onRefused, drop, limits },
    answer: (header, payload) => {
      // What is too long for a datagram with its header is lost, as in any network (section 7).
      if (sender.port !== 0) relay.send([header, payload], sender.port, address, ignore)
    },
  })
  relay.on('message', (message: Buffer, from: RemoteInfo) => {
    if (from.address !== address) drop('other_address')
    else sender.take(from, () => forward(message, flows, drop))
  })
  relay.on('error', () => client.destroy())
  const end = (): void => {
    flows.close()
    relay.close()
    if (drops.size > 0) deps.log.info({ ...Object.fromEntries(drops) }, 'datagrams dropped')
  }
  if (client.destroyed) end()
  else client.once('close', end)
  // The connection carries nothing more: its end is what counts.
  client.on('end', () => client.destroy()).resume()
}

function forward(message: Buffer, flows: SocksUdpFlows, drop: (reason: string) => void): void {
  const parsed = parseSocksDatagram(message)
  if (parsed.ok) flows.send(parsed.value)
  else drop(parsed.error.reason)
}

const ignore = (): void => undefined

type Sender = {
  /** 0 until somebody who may has sent. */
  readonly port: number
  /** Runs `task` if the datagram is from the one port that counts. */
  take(from: RemoteInfo, task: () => void): void
}

/** The first port that sends is the client's, if its program may use the proxy: any local user can send to the relay. */
function createSender(
  declared: number,
  maySend: SocksUdpDeps['maySend'],
  drop: (reason: string) => void,
): Sender {
  let port = 0
  let asking = 0
  let askedAtMs = 0
  let early: (() => void)[] = []

  async function ask(from: RemoteInfo): Promise<void> {
    asking = from.port
    askedAtMs = performance.now()
    const isAllowed = await maySend(from.address, from.port).catch(() => false)
    const waiting = early
    asking = 0
    early = []
    port = isAllowed ? from.port : 0
    if (!isAllowed) return drop('other_user')
    for (const task of waiting) task()
  }

  function askAgain(from: RemoteInfo): void {
    if (asking === 0 && performance.now() - askedAtMs > ASK_AGAIN_MS) void ask(from)
  }

  return {
    get port() {
      return port
    },
    take(from, task) {
      if (from.port === port) {
        askAgain(from)
        return task()
      }
      const isOther = port !== 0 || (declared !== 0 && from.port !== declared)
      if (isOther || (asking !== 0 && asking !== from.port)) return drop('other_port')
      if (early.length >= EARLY_LIMIT) return drop('too_early')
      early.push(task)
      if (asking === 0) void ask(from)
    },
  }
}
