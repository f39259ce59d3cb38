/** The session under a tunnel connection: TLS 1.3 with the device's certificate, and HTTP/2 with windows for bulk. */
import { type ClientHttp2Session, connect as connectSession } from 'node:http2'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { printAuthority } from '#lib/net/endpoint'
import type { TcpEndpoint, TunnelCredentials } from './tunnel.ts'

/** To whom, as whom, and what is told meanwhile. */
export type TlsOptions = {
  readonly gateway: TcpEndpoint
  readonly credentials: TunnelCredentials
  /** TLS ticket of an earlier connection with the same credentials. */
  readonly ticket?: Buffer
  readonly onTicket?: (ticket: Buffer) => void
  /** Sees the TLS connection once it stands: for measurements. */
  readonly onTls?: (socket: TLSSocket) => void
}

const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256'
/** What one slow program can make the daemon hold; 40 MB/s at 100 ms round trip. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024
const CONNECTION_WINDOW_BYTES = 256 * 1024 * 1024
const FRAME_BYTES = 256 * 1024
const SESSION_MEMORY = 512

export function startTls(raw: Duplex, options: TlsOptions): TLSSocket {
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

export function startSession(socket: TLSSocket, { host, port }: TcpEndpoint): ClientHttp2Session {
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
