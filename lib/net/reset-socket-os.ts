/** Resets connections, so that their peers know that it was no orderly end. */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** A connection, or what stands for one. */
export type Resettable = Duplex & {
  /** As of a socket of node:net: ends it at once. */
  resetAndDestroy(): unknown
}

/**
 * Ends a connection at once. While its FIN is on the way to the kernel, which takes a turn of the event loop, libuv
 * refuses a reset (uv_tcp_close_reset: EINVAL), after which Node never closes the socket, nor ends: such a one is
 * reset when the FIN is out.
 */
export function resetSocket(connection: Resettable): void {
  const isEnding = connection.writableEnded && !connection.writableFinished
  const isShuttingDown = isEnding && connection.writableLength === 0
  if (isShuttingDown && !connection.destroyed && connection instanceof Socket) {
    connection.once('finish', () => void connection.resetAndDestroy())
  } else connection.resetAndDestroy()
}
