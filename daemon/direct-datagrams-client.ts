/** Datagrams to what is not ours, from this machine, to an address that was judged. */
import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { err, ok, type Result } from '#lib/result'
import type { DatagramFlow } from '#lib/tunnel/datagram-flow'
import type { FlowRefusal } from '#lib/tunnel/tunnel-connection'
import { localRefusal } from './listen/refusal.ts'

/** Octets that may wait to be sent. */
const QUEUE_OCTETS = 256 * 1024

/** A connected socket, so that only this address is heard. Never rejects. */
export function datagramsTo(
  address: string,
  port: number,
): Promise<Result<DatagramFlow, FlowRefusal>> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    const fail = (): void => {
      socket.close()
      resolve(err(localRefusal('target_unreachable')))
    }
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.off('error', fail)
      resolve(ok(flowOn(socket)))
    })
    socket.connect(port, address)
  })
}

function flowOn(socket: Socket): DatagramFlow {
  let reason: string | undefined
  let dropped = 0
  const end = (why: string): void => {
    if (reason !== undefined) return
    reason = why
    socket.close()
  }
  socket.on('error', () => end('target_unreachable'))
  return {
    send(payload) {
      const isFull = reason !== undefined || socket.getSendQueueSize() > QUEUE_OCTETS
      if (isFull) dropped += 1
      // One that is too long for the way, or finds no buffer, is lost.
      else socket.send(Buffer.from(payload), () => undefined)
    },
    // Nothing comes before something was sent.
    onDatagram: (listener) => void socket.on('message', listener),
    close: () => end('closed'),
    get dropped() {
      return dropped
    },
    closed: new Promise((resolve) => {
      socket.once('close', () => resolve({ reason: reason ?? 'closed' }))
    }),
  }
}
