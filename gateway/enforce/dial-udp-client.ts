/**
 * Reaches a target over UDP: a connected socket, so that the kernel drops what others send, as a stream of capsules
 * with one datagram each. A relay carries it like a connection; what it cannot take in time is lost, as on any network.
 */
import type { Socket } from 'node:dgram'
import { Duplex } from 'node:stream'
import { connectUdp, sendUdp, UDP_QUEUE_OCTETS } from '#lib/net/udp-client'
import { err, ok } from '#lib/result'
import { createCapsuleReader, encodeDatagram } from '#lib/tunnel/capsule'
import type { Dial } from './dial-client.ts'
import type { TargetStream } from './ssh-service.ts'

/** A target that is not there shows itself only when something is sent. */
export const dialUdp: Dial<TargetStream> = async ({ address, port }, _timeoutMs, ended) => {
  const socket = await connectUdp(address, port)
  if (socket === undefined) return err({ reason: 'target_unreachable' })
  const stream = capsuleStream(socket)
  if (!ended.hasEnded) return ok(stream)
  stream.destroy()
  return err({ reason: 'gave_up' })
}

function capsuleStream(socket: Socket): TargetStream {
  const reader = createCapsuleReader((payload) => void sendUdp(socket, payload))
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
  socket.on('error', (error) => stream.destroy(error))
  receive(socket, stream)
  return Object.assign(stream, { resetAndDestroy: () => stream.destroy() })
}

/** What the device sent is no stream of capsules. */
export class MalformedDatagrams extends Error {}

/** Datagrams of one turn go on together. */
function receive(socket: Socket, stream: Duplex): void {
  let waiting: Buffer[] = []
  let octets = 0
  const flush = (): void => {
    if (!stream.destroyed && !stream.writableEnded) stream.push(Buffer.concat(waiting))
    waiting = []
    octets = 0
  }
  socket.on('message', (payload) => {
    if (stream.readableLength + octets + payload.length > UDP_QUEUE_OCTETS) return
    if (waiting.length === 0) setImmediate(flush)
    const capsule = encodeDatagram(payload)
    octets += capsule.length
    waiting.push(capsule)
  })
}
