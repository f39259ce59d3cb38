/** Real UDP targets, and flows of datagrams by a stock HTTP/2 client. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2'
import type { ExecutionContext } from 'ava'
import { createCapsuleReader } from '../../lib/tunnel/capsule.ts'
import { printDatagramPath, protocolOf } from '../../lib/tunnel/datagram-path.ts'
import type { DatagramTransport } from '../../lib/tunnel/tunnel-connection.ts'
import type { Tunnel } from './tunnel.ts'

export type UdpTarget = {
  readonly port: number
  readonly socket: Socket
  readonly received: { readonly payload: Buffer; readonly from: RemoteInfo }[]
}

/** A socket that keeps what comes, and answers with the same unless told otherwise. */
export async function startUdpTarget(
  t: ExecutionContext,
  { host = '127.0.0.1', isEcho = true } = {},
): Promise<UdpTarget> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  const received: UdpTarget['received'] = []
  socket.on('message', (payload, from) => {
    received.push({ payload, from })
    if (isEcho) socket.send(payload, from.port, from.address)
  })
  socket.bind(0, host)
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return { port: socket.address().port, socket, received }
}

export type AskedDatagrams = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly stream: ClientHttp2Stream
  /** The next payload that came. */
  next(): Promise<Buffer>
  /** Settles when the stream is gone. */
  readonly closed: Promise<unknown>
}

/** Asks for one flow, on a connection of a new device. */
export async function askDatagrams(
  t: ExecutionContext,
  tunnel: Tunnel,
  {
    transport = 'udp' as DatagramTransport,
    host = 'wiki',
    port = 53,
    change = {} as Record<string, string>,
  } = {},
): Promise<AskedDatagrams> {
  const { key, certificate: cert, gatewayCa: ca } = (await tunnel.enrol()).credentials
  const session = connect(`https://127.0.0.1:${tunnel.server.address.port}`, { key, cert, ca })
  t.teardown(() => session.destroy())
  session.on('error', () => undefined)
  await once(session, 'remoteSettings')
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': protocolOf(transport),
      ':scheme': 'https',
      ':authority': 'gateway',
      ':path': printDatagramPath(transport, { host, port }),
      'capsule-protocol': '?1',
      ...change,
    },
    { endStream: false },
  )
  stream.on('error', () => undefined)
  const closed = new Promise((resolve) => stream.once('close', resolve))
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders]
  const status = Number(headers[':status'])
  return { status, headers, stream, next: payloadsOf(stream), closed }
}

function payloadsOf(stream: ClientHttp2Stream): () => Promise<Buffer> {
  const came: Buffer[] = []
  const waiting: ((payload: Buffer) => void)[] = []
  const reader = createCapsuleReader((payload) => {
    const next = waiting.shift()
    if (next === undefined) came.push(Buffer.from(payload))
    else next(Buffer.from(payload))
  })
  stream.on('data', (chunk: Buffer) => reader.push(chunk))
  return () => {
    const payload = came.shift()
    return payload === undefined
      ? new Promise((resolve) => waiting.push(resolve))
      : Promise.resolve(payload)
  }
}
