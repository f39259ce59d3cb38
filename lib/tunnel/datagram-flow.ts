/** Datagrams through the tunnel as their users see them; capsules and streams stay behind it. */
import type { Duplex } from 'node:stream'
import { createCapsuleReader, encodeDatagram, PAYLOAD_LIMIT } from './capsule.ts'

/** One datagram exchange, after the gateway's verdict. Datagrams may be lost; they are never reordered by us, never split. */
export interface DatagramFlow {
  /** Sends one payload (at most 65,507 octets); dropped and counted when the tunnel is behind. The payload is copied. */
  send(payload: Uint8Array): void
  /**
   * Takes datagrams that arrive; the view is valid during the call only. One listener; what came before it is kept up
   * to a bound.
   */
  onDatagram(listener: (payload: Uint8Array) => void): void
  close(): void
  /** Datagrams that `send` dropped. */
  readonly dropped: number
  /** Settles once: closed by us, by the gateway (reason of the cut), or with the connection. */
  readonly closed: Promise<{ readonly reason: string }>
}

/** Octets that may wait to be sent; the newest datagram is dropped above it. */
const QUEUE_OCTETS = 256 * 1024
/** Octets of what came before the listener. */
const EARLY_OCTETS = 64 * 1024
/** What each takes besides its payload, about: empty ones are bounded as well. */
const EARLY_OVERHEAD_OCTETS = 128

/**
 * Datagrams as capsules on a stream.
 * @param later runs a task at the end of this turn of the event loop, `setImmediate`: what is sent in one goes together.
 */
export function datagramsOn(stream: Duplex, later: (task: () => void) => void): DatagramFlow {
  const arrived = createArrivals()
  let isGathering = false
  let dropped = 0
  let reason: string | undefined

  const reader = createCapsuleReader(arrived.take)
  stream.on('data', (chunk: Buffer) => {
    if (reader.push(chunk).ok || stream.destroyed) return
    reason ??= 'bad_datagrams'
    stream.destroy()
  })
  stream.once('end', () => stream.end())
  stream.once('aborted', () => {
    reason ??= 'reset'
  })
  stream.on('error', () => {
    reason ??= 'reset'
  })

  function gather(): void {
    if (isGathering) return
    isGathering = true
    stream.cork()
    later(() => {
      isGathering = false
      stream.uncork()
    })
  }

  return {
    send(payload) {
      const isFull = stream.writableLength + payload.length > QUEUE_OCTETS
      if (stream.destroyed || stream.writableEnded || isFull || payload.length > PAYLOAD_LIMIT) {
        dropped += 1
        return
      }
      gather()
      stream.write(encodeDatagram(payload))
    },
    onDatagram: arrived.onDatagram,
    close() {
      reason ??= 'closed'
      stream.end()
    },
    get dropped() {
      return dropped
    },
    closed: new Promise((resolve) => {
      stream.once('close', () => resolve({ reason: reason ?? 'ended' }))
    }),
  }
}

/** Keeps what comes before anybody listens, up to a bound. */
function createArrivals() {
  let listener: ((payload: Uint8Array) => void) | undefined
  let early: Uint8Array[] = []
  let octets = 0
  return {
    take(payload: Uint8Array): void {
      octets += payload.length + EARLY_OVERHEAD_OCTETS
      if (listener !== undefined) listener(payload)
      else if (octets <= EARLY_OCTETS) early.push(Uint8Array.from(payload))
    },
    onDatagram(taker: (payload: Uint8Array) => void): void {
      const waiting = early
      listener = taker
      early = []
      for (const payload of waiting) taker(payload)
    },
  }
}
