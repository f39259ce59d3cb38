/** Sockets of UDP towards one address: connected, so that the kernel drops what others send. */
import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'

/** Octets that may wait to be sent; the newest datagram is dropped above it. */
export const UDP_QUEUE_OCTETS = 256 * 1024

/** Asked of the kernel, which gives no more than net.core.rmem_max: a turn of the event loop may take milliseconds. */
export const UDP_RECEIVE_OCTETS = 1024 * 1024

/**
 * Nothing is sent to connect.
 * @param socket one that is not connected yet, of the address's version; without it a new one.
 * @returns undefined when there is no route to the address; the socket is closed then. Never rejects.
 */
export function connectUdp(
  address: string,
  port: number,
  socket: Socket = createSocket({
    type: isIPv6(address) ? 'udp6' : 'udp4',
    recvBufferSize: UDP_RECEIVE_OCTETS,
  }),
): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const fail = (): void => {
      socket.close()
      resolve(undefined)
    }
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.off('error', fail)
      resolve(socket)
    })
    socket.connect(port, address)
  })
}

/**
 * Sends a copy of the payload. One that is too long for the way, or finds no buffer, is lost, as on any network.
 * @param onLost told when it is.
 * @returns false: the queue is full, and it is dropped.
 */
export function sendUdp(
  socket: Socket,
  payload: Uint8Array,
  onLost: () => void = () => undefined,
): boolean {
  if (socket.getSendQueueSize() + payload.length > UDP_QUEUE_OCTETS) return false
  socket.send(Buffer.from(payload), (error) => {
    if (error !== null) onLost()
  })
  return true
}
