/**
 * A socket of datagrams as a stream of capsules with one datagram each. A relay carries it like a connection; what it
 * cannot take in time is lost, as on any network, and counted.
 */
import { Duplex } from 'node:stream'
import { UDP_QUEUE_OCTETS } from '#lib/net/udp-client'
import { createCapsuleReader, encodeDatagram } from '#lib/tunnel/capsule'
import type { TargetStream } from './ssh-service.ts'

/** What datagrams go through; connected to one address. */
export type DatagramSocket = {
  /** Sends a copy. @returns false: it is dropped. */
  send(payload: Uint8Array): boolean
  /** Called once, for all that comes. */
  onDatagram(take: (payload: Uint8Array) => void): void
  /** Called once, with what ends the flow when the socket fails. */
  onError(end: (error: Error) => void): void
  close(): void
}

/** What the device sent is no stream of capsules. */
export class MalformedDatagrams extends Error {}

export function capsuleStream(socket: DatagramSocket): TargetStream {
  let dropped = 0
  const reader = createCapsuleReader((payload) => {
    if (!socket.send(payload)) dropped += 1
  })
  const stream = new Duplex({
    readableHighWaterMark: UDP_QUEUE_OCTETS,
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      const taken = reader.push(chunk)
      done(taken.ok ? null : new MalformedDatagrams())
    },
    final(done) {
      if (reader.isWhole) stream.push(null)
      done(reader.isWhole ? null : new MalformedDatagrams())
    },
    destroy(error, done) {
      socket.close()
      done(error)
    },
  })
  socket.onError((error) => stream.destroy(error))
  receive(socket, stream, () => {
    dropped += 1
  })
  return Object.defineProperties(stream, {
    resetAndDestroy: { value: () => stream.destroy() },
    droppedDatagrams: { get: () => dropped },
  }) as Duplex & TargetStream
}

/** Datagrams of one turn go on together. */
function receive(socket: DatagramSocket, stream: Duplex, onDropped: () => void): void {
  let waiting: Buffer[] = []
  let octets = 0
  const flush = (): void => {
    if (!stream.destroyed && !stream.writableEnded) stream.push(Buffer.concat(waiting))
    waiting = []
    octets = 0
  }
  socket.onDatagram((payload) => {
    if (stream.readableLength + octets + payload.length > UDP_QUEUE_OCTETS) {
      onDropped()
      return
    }
    if (waiting.length === 0) setImmediate(flush)
    const capsule = encodeDatagram(payload)
    octets += capsule.length
    waiting.push(capsule)
  })
}
