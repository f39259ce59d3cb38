/**
 * The proxy port: one listener on 127.0.0.1 for SOCKS5, SOCKS4, SOCKS4a and HTTP. Before a byte is read the kernel
 * says whose program it is; then the first octet tells the protocol.
 */
import net, { type AddressInfo, type Socket } from 'node:net'
import type { Log } from '#lib/log'
import { ok, type Result } from '#lib/result'
import type { OwnerLookup } from './connection-owner-os.ts'
import { lookupSender, type SenderLookup } from './datagram-owner-os.ts'
import { detectProtocol } from './detect-protocol.ts'
import { createHttpProxy } from './http-proxy-server.ts'
import { createMessageReader, type MessageReader } from './message-reader-server.ts'
import type { OpenDatagrams, OpenFlow } from './open-flow.ts'
import { serveSocks4, serveSocks5 } from './socks-server.ts'
import { createSocksUdp } from './socks-udp-server.ts'
import type { Incomplete } from './socks5-message.ts'

export type ProxyServerOptions = {
  /** 0 lets the system choose. */
  readonly port: number
  readonly openFlow: OpenFlow
  /** Text of the PAC file now, for the port. */
  readonly pac: (port: number) => string
  readonly lookupOwner: OwnerLookup
  /** Absent: no UDP. */
  readonly openDatagrams?: OpenDatagrams
  /** Uid of the program that sends datagrams from here; default: as the kernel's table says. */
  readonly lookupSender?: SenderLookup
  /** Whether this uid may use the port; undefined stands for an owner that cannot be known. */
  readonly mayUse: (uid: number | undefined) => boolean
  readonly log: Log
  /** Time for the whole request, in milliseconds; default 10 s. The verdict may take longer. */
  readonly requestTimeoutMs?: number
  /** Connections at once; default 4096. More wait in the kernel's queue or are dropped. */
  readonly connectionLimit?: number
}

export interface ProxyServer {
  readonly port: number
  /** Connections refused since they came from another user. */
  readonly refusedOtherUsers: number
  /** Closes the listener and all connections. */
  close(): Promise<void>
}

const LOOPBACK = '127.0.0.1'
const REQUEST_TIMEOUT_MS = 10_000
const CONNECTION_LIMIT = 4096

/** Starts listening. @throws {Error} when the port cannot be had. */
export async function startProxyServer(options: ProxyServerOptions): Promise<ProxyServer> {
  const { log, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options
  const open = new Set<Socket>()
  let refusedOtherUsers = 0
  // pauseOnConnect: not one byte is read before the owner is known.
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true })
  server.maxConnections = options.connectionLimit ?? CONNECTION_LIMIT

  const onRefused = (reason: string): void => log.info({ reason }, 'request refused')
  const http = createHttpProxy({
    openFlow: options.openFlow,
    pac: () => options.pac(portOf()),
    port: portOf,
    onRefused,
    requestTimeoutMs,
  })

  const udp =
    options.openDatagrams &&
    createSocksUdp({
      openDatagrams: options.openDatagrams,
      maySend: async (address, senderPort) =>
        options.mayUse(await (options.lookupSender ?? lookupSender)(address, senderPort)),
      onRefused,
      log,
    })

  async function serve(client: Socket): Promise<void> {
    const uid = await ownerOf(client)
    if (!options.mayUse(uid)) {
      refusedOtherUsers++
      log.warn({ uid: uid ?? 'unknown', reason: 'other_user' }, 'connection refused')
      client.destroy()
      return
    }
    const deadline = setTimeout(() => client.destroy(), requestTimeoutMs)
    const onRequest = (): void => clearTimeout(deadline)
    client.on('close', onRequest)
    const reader = createMessageReader(client)
    const first = await reader.read(peekFirst)
    if (first?.ok) await dispatch(client, reader, first.value.octet, onRequest)
  }

  async function dispatch(
    client: Socket,
    reader: MessageReader,
    first: number,
    onRequest: () => void,
  ): Promise<void> {
    const deps = { openFlow: options.openFlow, onRequest, onRefused, udp }
    const protocol = detectProtocol(first)
    if (protocol === 'http') {
      // node:http keeps its own time for each head.
      onRequest()
      reader.release()
      return http.accept(client)
    }
    if (protocol === 'socks5') return serveSocks5(client, reader, deps)
    if (protocol === 'socks4') return serveSocks4(client, reader, deps)
    onRefused(protocol === 'tls' ? 'tls_to_proxy_port' : 'unknown_protocol')
    client.destroy()
  }

  function portOf(): number {
    return (server.address() as AddressInfo).port
  }

  async function ownerOf(client: Socket): Promise<number | undefined> {
    const { remoteAddress, remotePort } = client
    if (!remoteAddress || !remotePort) return undefined
    return options.lookupOwner({
      sourceAddress: remoteAddress,
      sourcePort: remotePort,
      destinationAddress: LOOPBACK,
      destinationPort: port,
    })
  }

  server.on('connection', (client) => {
    open.add(client)
    client.on('close', () => open.delete(client))
    client.on('error', () => client.destroy())
    serve(client).catch((error: unknown) => {
      log.error({ error: String(error) }, 'connection failed')
      client.destroy()
    })
  })
  await listen(server, options.port)
  const port = portOf()
  return {
    port,
    get refusedOtherUsers() {
      return refusedOtherUsers
    },
    close: async () => {
      http.close()
      const closed = new Promise((resolve) => server.close(resolve))
      for (const client of open) client.destroy()
      await closed
    },
  }
}

/** Takes no octet: the protocol's own parser starts at the first one. */
function peekFirst(input: Uint8Array): Result<{ octet: number; size: 0 }, Incomplete> {
  const [octet] = input
  if (octet === undefined) return { ok: false, error: { reason: 'incomplete', need: 1 } }
  return ok({ octet, size: 0 })
}

function listen(server: net.Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: LOOPBACK, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
