/** Datagrams to what is not ours, from this machine, to an address that was judged. */
import type { Socket } from 'node:dgram'
import { connectUdp, sendUdp } from '#lib/net/udp-client'
import { err, ok, type Result } from '#lib/result'
import type { DatagramFlow } from '#lib/tunnel/datagram-flow'
import type { FlowRefusal } from '#lib/tunnel/tunnel-connection'
import { localRefusal } from './listen/refusal.ts'

/** A connected socket, so that only this address is heard. Never rejects. */
export async function datagramsTo(
  address: string,
  port: number,
): Promise<Result<DatagramFlow, FlowRefusal>> {
  const socket = await connectUdp(address, port)
  return socket === undefined ? err(localRefusal('target_unreachable')) : ok(flowOn(socket))
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
      if (reason !== undefined || !sendUdp(socket, payload)) dropped += 1
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
