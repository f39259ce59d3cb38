/** Joins a transport to a socket, as the relay's shell does, and to another transport in memory. */
import type { Socket } from 'node:net'
import { createTransport } from '../../gateway/ssh/transport/transport.ts'
import type {
  ReceivedPacket,
  SshTransport,
  TransportClosed,
  TransportEvents,
  TransportSettings,
} from '../../gateway/ssh/transport/transport-types.ts'
import { deferred } from './deferred.ts'

export type Joined = {
  readonly transport: SshTransport
  /** Resolves at the end. */
  readonly closed: Promise<TransportClosed>
  /** Resolves after the first key exchange; rejects when the transport ends before. */
  readonly ready: Promise<void>
}

/** Runs a transport on a socket until either ends. */
export function joinSocket(
  socket: Socket,
  settings: TransportSettings,
  onPacket: (packet: ReceivedPacket, transport: SshTransport) => void,
  onReady: (first: boolean) => void = () => undefined,
  onDrain: () => void = () => undefined,
): Joined {
  const end = deferred<TransportClosed>()
  const ready = deferred<void>()
  ready.promise.catch(() => undefined)
  const transport = createTransport(settings, {
    onOutput: (bytes, written) => socket.write(bytes, written),
    onPacket: (packet) => onPacket(packet, transport),
    onReady: (first) => {
      ready.resolve()
      onReady(first)
    },
    onDrain,
    onClosed: (closed) => {
      ready.reject(new Error(`${closed.reason}: ${closed.detail}`))
      end.resolve(closed)
      socket.end()
    },
  })
  socket.on('data', (chunk) => transport.receive(chunk))
  socket.on('error', () => transport.connectionLost())
  socket.on('close', () => transport.connectionLost())
  return { transport, closed: end.promise, ready: ready.promise }
}

/** One end of a pair in memory, with all it told. */
export type Ended = {
  readonly transport: SshTransport
  readonly packets: Buffer[]
  readonly readies: boolean[]
  readonly closings: TransportClosed[]
}

/** Two transports joined in memory; `filter` may change, split or drop what passes. */
export function joinPair(
  server: TransportSettings,
  client: TransportSettings,
  filter: (bytes: Buffer, from: 'server' | 'client') => readonly Buffer[] = (bytes) => [bytes],
): { readonly server: Ended; readonly client: Ended; settle(): void } {
  const queue: (() => void)[] = []
  const end = (settings: TransportSettings, other: () => Ended): Ended => {
    const told: Omit<Ended, 'transport'> = { packets: [], readies: [], closings: [] }
    const events: TransportEvents = {
      onOutput: (bytes, written) => {
        for (const part of filter(Buffer.from(bytes), settings.role)) {
          queue.push(() => other().transport.receive(Buffer.from(part)))
        }
        written()
      },
      onPacket: ({ payload }) => told.packets.push(Buffer.from(payload)),
      onReady: (first) => told.readies.push(first),
      onDrain: () => undefined,
      onClosed: (closed) => told.closings.push(closed),
    }
    return { ...told, transport: createTransport(settings, events) }
  }
  const a: Ended = end(server, () => b)
  const b: Ended = end(client, () => a)
  const settle = () => {
    do {
      a.transport.flush()
      b.transport.flush()
      queue.shift()?.()
    } while (
      queue.length > 0 ||
      a.transport.outputBufferedBytes + b.transport.outputBufferedBytes > 0
    )
  }
  return { server: a, client: b, settle }
}
