/**
 * The tunnel listener: TLS 1.3 with a required device certificate, HTTP/2 or HTTP/1.1 by ALPN.
 * Who the peer is comes from the leaf of the handshake alone; admission is looked up before any HTTP is parsed,
 * ends at the certificate's notAfter, and is withdrawn at once by `closeDevice`.
 */
import { X509Certificate } from 'node:crypto'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import type { Log } from '#lib/log'
import { formatAddress, parseAddress } from '#lib/net/address'
import { err, type Result } from '#lib/result'
import type { Device } from '../store/store.ts'
import { admit } from './admission.ts'
import { refuseHttp1, serveHttp1 } from './http1-server.ts'
import { refuseHttp2, serveHttp2 } from './http2-server.ts'
import type { TunnelHandlers, TunnelPeer } from './incoming.ts'
import { type LeafError, type LeafIdentity, readLeaf } from './leaf-certificate.ts'
import { createLinks, type Links } from './links.ts'
import { createPendingLimit, DEFAULT_PENDING_LIMITS, type PendingLimits } from './pending-limit.ts'
import { wireRefusal } from './refusal.ts'

export type TunnelServerOptions = {
  readonly listen: { readonly host: string; readonly port: number }
  /** Gateway certificate (chain) and key, PEM. */
  readonly certificate: string
  readonly key: string
  /** The one authority of device certificates, PEM. */
  readonly deviceCa: string
  /** Registration of a device: `store.devices.get`. */
  readonly device: (id: string) => Device | undefined
  /** Country of an address, where one is known. */
  readonly countryOf?: (address: string) => string | undefined
  readonly handlers: TunnelHandlers
  /** Names of OpenSSL; default: the cheapest first. */
  readonly ciphers?: string | undefined
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
  /** Called when a device's connection was let in. */
  readonly onConnected?: (deviceId: string) => void
  readonly pendingLimits?: PendingLimits
  readonly handshakeTimeoutMs?: number
  /** Between PINGs of HTTP/2 connections. */
  readonly pingMs?: number
}

export interface TunnelServer {
  readonly address: { readonly host: string; readonly port: number }
  /** Closes every connection of a device at once, telling it why. @returns how many. */
  closeDevice(deviceId: string, reason: string): number
  /** Connections that are let in now. */
  readonly connections: number
  /** Accepts nothing new, lets flows end, closes all that is left after `deadlineMs`. */
  drain(deadlineMs: number): Promise<void>
}

/** AES-128-GCM first: the cheapest with AES instructions, and no weaker here (tunnel measurements). */
const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256'
const HANDSHAKE_TIMEOUT_MS = 10_000
const BACKLOG = 4096
/** A ticket saves a signature on reconnect; what it skips is checked in `onSecure`. */
const TICKET_LIFETIME_SECONDS = 3600
/** Connections of one device; HTTP/1.1 clients use one per flow. */
const CONNECTIONS_PER_DEVICE = 1024
/** Longest delay of a Node timer. */
const TIMER_LIMIT_MS = 2 ** 31 - 1

/** Listens. @throws {Error} when the address cannot be bound or a PEM is broken. */
export async function startTunnelServer(options: TunnelServerOptions): Promise<TunnelServer> {
  const links = createLinks()
  const tls = openTlsServer(options)
  tls.on('secureConnection', (socket) => {
    // A drain does not wait for handshakes: what a device is looked for in may be closed by now.
    if (server.listening) onSecure(socket, options, links)
    else socket.destroy()
  })
  tls.on('tlsClientError', (error, socket) => {
    logHandshake(error, socket, options.log)
    socket.destroy()
  })
  const server = openAcceptor(tls, options)
  await listen(server, options.listen)
  const { address: host, port } = server.address() as AddressInfo
  return {
    address: { host, port },
    closeDevice: links.closeDevice,
    get connections() {
      return links.count
    },
    async drain(deadlineMs) {
      server.close()
      const timer = setTimeout(() => links.closeAll('gateway_draining'), deadlineMs)
      await links.drained()
      clearTimeout(timer)
    },
  }
}

function listen(server: Server, to: TunnelServerOptions['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: to.host, port: to.port, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function openTlsServer(options: TunnelServerOptions): TlsServer {
  return createTlsServer({
    key: options.key,
    cert: options.certificate,
    ca: options.deviceCa,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    ciphers: options.ciphers ?? CIPHERS,
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    sessionTimeout: TICKET_LIFETIME_SECONDS,
    allowHalfOpen: true,
  })
}

/** Accepts TCP, and starts TLS only for as many strangers at once as the limits say. */
function openAcceptor(tls: TlsServer, options: TunnelServerOptions): Server {
  const pending = createPendingLimit(options.pendingLimits ?? DEFAULT_PENDING_LIMITS)
  const leaves = new Map<string, () => void>()
  tls.on('secureConnection', (socket) => leaves.get(endpointOf(socket))?.())
  return createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const endpoint = endpointOf(socket)
    const leave = pending.enter(socket.remoteAddress ?? '')
    if (leave === undefined) {
      socket.destroy()
      return
    }
    leaves.set(endpoint, leave)
    socket.once('close', () => {
      leave()
      leaves.delete(endpoint)
    })
    tls.emit('connection', socket)
  })
}

function endpointOf(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}`
}

function onSecure(socket: TLSSocket, options: TunnelServerOptions, links: Links): void {
  const { log, now } = options
  socket.on('error', () => socket.destroy())
  const sourceAddress = canonicalAddress(socket.remoteAddress)
  const read = readPeer(socket, options)
  if (!read.ok) {
    log.warn({ sourceAddress, reason: read.error.reason }, 'tunnel peer refused')
    refuse(socket, read.error.reason)
    return
  }
  const leaf = read.value
  const admitted = () => admit(leaf, options.device(leaf.deviceId), now())
  const first = admitted()
  if (!first.ok || links.countOf(leaf.deviceId) >= CONNECTIONS_PER_DEVICE) {
    const reason = first.ok ? 'too_many_flows' : first.error.reason
    log.warn({ sourceAddress, deviceId: leaf.deviceId, reason }, 'tunnel peer refused')
    refuse(socket, reason)
    return
  }
  const country = options.countryOf?.(sourceAddress)
  const peer = { leaf, sourceAddress, ...(country !== undefined && { country }), admitted }
  serve(socket, peer, options, links)
}

function serve(
  socket: TLSSocket,
  peer: TunnelPeer,
  options: TunnelServerOptions,
  links: Links,
): void {
  const { deviceId, notAfterMs } = peer.leaf
  const fields = { deviceId, sourceAddress: peer.sourceAddress, alpn: socket.alpnProtocol }
  const lifetimeMs = Math.min(notAfterMs - options.now(), TIMER_LIMIT_MS)
  // The certificate proves the device until notAfter; flows that are open then end with it.
  const expiry = setTimeout(() => link.close('device_expired'), lifetimeMs)
  const onClosed = () => {
    clearTimeout(expiry)
    links.remove(deviceId, link)
    options.log.info(fields, 'tunnel connection closed')
  }
  const start = socket.alpnProtocol === 'h2' ? serveHttp2 : serveHttp1
  const link = start(socket, peer, options.handlers, onClosed, options.pingMs)
  links.add(deviceId, link)
  options.log.info(fields, 'tunnel connection opened')
  options.onConnected?.(deviceId)
}

type PeerError = { readonly reason: LeafError['reason'] | 'not_authorized' }

/** `authorized` is Node's word on the chain; the leaf is then read again, since resumption skips the check. */
function readPeer(
  socket: TLSSocket,
  options: TunnelServerOptions,
): Result<LeafIdentity, PeerError> {
  const leaf = socket.getPeerX509Certificate()
  if (!socket.authorized || leaf === undefined) return err({ reason: 'not_authorized' })
  return readLeaf(leaf, new X509Certificate(options.deviceCa), options.now())
}

/** A device of ours is told why; to anyone else nothing is said. */
function refuse(socket: TLSSocket, reason: string): void {
  if (!isReason(reason)) socket.destroy()
  else if (socket.alpnProtocol === 'h2') refuseHttp2(socket, reason)
  else refuseHttp1(socket, wireRefusal(reason))
}

function isReason(
  reason: string,
): reason is 'device_unknown' | 'device_revoked' | 'device_expired' | 'too_many_flows' {
  return reason.startsWith('device_') || reason === 'too_many_flows'
}

function logHandshake(error: Error, socket: TLSSocket, log: Log): void {
  const reason = 'code' in error ? String(error.code) : 'unknown'
  const certificate = socket.authorizationError
  log.warn(
    {
      sourceAddress: canonicalAddress(socket.remoteAddress),
      reason,
      ...(certificate ? { certificate: String(certificate) } : {}),
    },
    'tunnel handshake failed',
  )
}

function canonicalAddress(text: string | undefined): string {
  const address = parseAddress(text ?? '')
  return address.ok ? formatAddress(address.value) : (text ?? '')
}
