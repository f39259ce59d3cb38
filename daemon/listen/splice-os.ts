/**
 * Joins a client and a flow by the relay that both programs share; a side that breaks resets the other.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { resetSocket } from '#lib/net/reset-socket-os'
import { collectBulk } from '#lib/tunnel/bulk-buffers-os'
import { type RelayEnd, relay } from '#lib/tunnel/relay'

/**
 * Carries bytes until both directions have ended or one side broke.
 * @param onEnd called once, when both sides are closed.
 */
export function splice(client: Duplex, flow: Duplex, onEnd: () => void = () => {}): void {
  void relay(endOf(client), endOf(flow), { later: setImmediate, onBulk: collectBulk }).done.then(
    onEnd,
  )
}

/** What was cut off must not look complete: a socket is reset. */
function endOf(stream: Duplex): RelayEnd {
  const reset = (): void => {
    if (stream instanceof Socket) resetSocket(stream)
    else stream.destroy()
  }
  return { stream, reset }
}
