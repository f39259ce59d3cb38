/**
 * Sends alerts by syslog: over TLS (RFC 5425), TCP (RFC 6587) or UDP (RFC 5426). Syslog has no acknowledgement: what
 * the system took counts as delivered.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { SyslogConfig } from '../config/alert-sinks.ts'
import type { Alert } from './alert.ts'
import { octetCounted, syslogMessage } from './syslog-message.ts'

/** To connect and to write, ms. */
const TIMEOUT_MS = 10_000

export type SyslogOptions = Pick<SyslogConfig, 'address' | 'protocol'> & {
  /** PEM. */
  readonly ca?: string
  /** The gateway's own. */
  readonly hostname: string
}

/** @returns what delivers one alert; it rejects when the message could not be written. */
export function openSyslog(options: SyslogOptions): (alert: Alert) => Promise<void> {
  const { hostname } = options
  if (options.protocol === 'udp')
    return (alert) => sendDatagram(syslogMessage(alert, hostname), options)
  let socket: Socket | undefined
  return async (alert) => {
    if (socket?.writable !== true) socket = await connected(options)
    await written(socket, octetCounted(syslogMessage(alert, hostname)))
  }
}

async function connected({ address, protocol, ca }: SyslogOptions): Promise<Socket> {
  const isName = isIP(address.host) === 0
  const identity = { ...(isName && { servername: address.host }), ...(ca !== undefined && { ca }) }
  const socket =
    protocol === 'tls' ? connectTls({ ...address, ...identity }) : connectTcp({ ...address })
  const ready = protocol === 'tls' ? 'secureConnect' : 'connect'
  try {
    await once(socket, ready, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  } catch (error) {
    socket.destroy()
    throw error
  }
  // Its end shows in `writable`. What a receiver says means nothing.
  socket.on('error', () => {})
  socket.resume().unref()
  return socket
}

function written(socket: Socket, octets: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => socket.destroy(new Error('the receiver reads nothing')),
      TIMEOUT_MS,
    )
    socket.write(octets, (error) => {
      clearTimeout(timer)
      if (error) reject(error)
      else resolve()
    })
  })
}

function sendDatagram(message: string, { address }: SyslogOptions): Promise<void> {
  const socket = createSocket(address.host.includes(':') ? 'udp6' : 'udp4')
  return new Promise((resolve, reject) => {
    socket.send(message, address.port, address.host, (error) => {
      socket.close()
      if (error) reject(error)
      else resolve()
    })
  })
}
