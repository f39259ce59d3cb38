/**
 * Reaches a target over UDP: a connected socket, so that the kernel drops what others send, as a stream of capsules
 * with one datagram each. A relay carries it like a connection; what it cannot take in time is lost, as on any network.
 */
import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { Duplex } from 'node:stream'
import { err, ok } from '#lib/result'
import { createCapsuleReader, encodeDatagram } from '#lib/tunnel/capsule'
import type { Dial } from './dial-client.ts'
import type { TargetStream } from './ssh-service.ts'

/** Octets of datagrams that may wait, each way; the newest is dropped above it. */
const QUEUE_OCTETS = 256 * 1024

/** Nothing is sent to connect; a target that is not there shows itself only when something is. */
export const dialUdp: Dial<TargetStream> = ({ address, port }, _timeoutMs, ended) =>
  new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    const fail = (): void => {
      socket.close()
      resolve(err({ reason: 'target_unreachable' }))
    }
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.off('error', fail)
      const stream = capsuleStream(socket)
      if (ended.hasEnded) stream.destroy()
      resolve(ended.hasEnded ? err({ reason: 'gave_up' }) : ok(stream))
    })
    socket.connect(port, address)
  })

function capsuleStream(socket: Socket): TargetStream {
  const reader = createCapsuleReader((payload) => send(socket, payload))
  const stream = new Duplex({
    readableHighWaterMark: QUEUE_OCTETS,
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

function send(socket: Socket, payload: Uint8Array): void {
  if (socket.getSendQueueSize() + payload.length > QUEUE_OCTETS) return
  // One that is too long for the way, or finds no buffer, is lost; a target that is away is told by the next error.
  socket.send(Buffer.from(payload), () => undefined)
}

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
    if (stream.readableLength + octets + payload.length > QUEUE_OCTETS) return
    if (waiting.length === 0) setImmediate(flush)
    const capsule = encodeDatagram(payload)
    octets += capsule.length
    waiting.push(capsule)
  })
}
