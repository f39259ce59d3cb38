/**
 * Joins a client and a flow: bytes both ways with back-pressure, half-close carried over, an end of either cleans both.
 */
import type { Duplex } from 'node:stream'

/**
 * Carries bytes until both directions have ended or one side broke.
 * @param onEnd called once, when both sides are closed.
 */
export function splice(client: Duplex, flow: Duplex, onEnd: () => void = () => {}): void {
  let open = 2
  const closed = (): void => {
    open--
    if (open === 0) onEnd()
  }
  join(client, flow, closed)
  join(flow, client, closed)
}

function join(from: Duplex, to: Duplex, closed: () => void): void {
  let failed = false
  from.pipe(to)
  from.on('error', () => {
    failed = true
    cut(to)
  })
  from.on('close', () => {
    closed()
    // What was read to the end was passed on, and `to` still has to write it; all else was cut.
    if (failed || !from.readableEnded) cut(to)
    else if (!to.readableEnded) to.resume()
  })
  if (from.destroyed) cut(to)
}

/** Ends a side so that what was cut off does not look complete: a socket is reset. */
function cut(stream: Duplex): void {
  if ('resetAndDestroy' in stream && typeof stream.resetAndDestroy === 'function') {
    stream.resetAndDestroy()
  } else {
    stream.destroy()
  }
}
