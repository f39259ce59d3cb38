/**
 * Joins two byte streams: back-pressure, half-close, and resets pass through; octets are counted, never looked at
 * but for the first four. Owns no socket: who made the streams says how to reset them.
 */
import type { Duplex } from 'node:stream'

/** One end of a relay. */
export type RelayEnd = {
  readonly stream: Duplex
  /** Ends this stream at once and tells its peer that it was no orderly end. */
  readonly reset: () => void
}

/** How a relay ended: `done` when both directions ended in order, else a code. */
export type RelayResult = {
  readonly reason: string
  /** Octets that came from each end. */
  readonly fromA: number
  readonly fromB: number
}

/** A relay under way. */
export interface Relay {
  readonly fromA: number
  readonly fromB: number
  /** Resets both ends; queued data is dropped. */
  cut(reason: string): void
  /** Settles when both ends are closed; never rejects. */
  readonly done: Promise<RelayResult>
}

/** What may not pass: the relay is cut as soon as either end begins with `opening`. */
export type Forbidden = { readonly opening: Uint8Array; readonly reason: string }

/** Starts to relay. Streams may hold unread data, and may be paused. */
export function relay(a: RelayEnd, b: RelayEnd, forbidden?: Forbidden): Relay {
  const state: State = { reason: undefined, left: 2, settle: () => undefined }
  const done = new Promise<string>((resolve) => {
    state.settle = resolve
  })
  const cut = (reason: string): void => {
    if (state.reason !== undefined || state.left === 0) return
    state.reason = reason
    a.reset()
    b.reset()
  }
  const up = pump(a.stream, b.stream, forbidden, cut)
  const down = pump(b.stream, a.stream, forbidden, cut)
  watchEnd(a, b, 'reset_by_a', state)
  watchEnd(b, a, 'reset_by_b', state)
  return {
    get fromA() {
      return up.bytes
    },
    get fromB() {
      return down.bytes
    },
    cut,
    done: done.then((reason) => ({ reason, fromA: up.bytes, fromB: down.bytes })),
  }
}

type State = { reason: string | undefined; left: number; settle: (reason: string) => void }

/** An end that closes before it said all and was told all takes the other one with it. */
function watchEnd(end: RelayEnd, other: RelayEnd, reason: string, state: State): void {
  const { stream } = end
  let isOver = false
  const takeOther = (): void => {
    if (state.reason !== undefined) return
    state.reason = reason
    other.reset()
  }
  const onClose = (): void => {
    if (isOver) return
    isOver = true
    if (!stream.readableEnded || !stream.writableFinished) takeOther()
    state.left -= 1
    if (state.left === 0) state.settle(state.reason ?? 'done')
  }
  // An HTTP/2 stream that was reset says so here first, and only then ends like an orderly one.
  stream.once('aborted', takeOther)
  stream.on('error', () => undefined)
  stream.once('close', onClose)
  // A stream that is destroyed already may have said so before we listened.
  if (stream.destroyed) queueMicrotask(onClose)
}

type Pump = { bytes: number }

function pump(
  source: Duplex,
  sink: Duplex,
  forbidden: Forbidden | undefined,
  cut: (reason: string) => void,
): Pump {
  const counted: Pump = { bytes: 0 }
  const looksForbidden = forbidden === undefined ? undefined : openingWatch(forbidden.opening)
  source.on('data', (chunk: Buffer) => {
    if (looksForbidden?.(chunk, counted.bytes) === true) {
      cut(forbidden?.reason ?? '')
      return
    }
    counted.bytes += chunk.length
    if (!sink.write(chunk)) source.pause()
  })
  sink.on('drain', () => source.resume())
  source.once('end', () => sink.end())
  source.resume()
  return counted
}

/** True once all octets from the start have matched the opening, however they were split. */
function openingWatch(opening: Uint8Array): (chunk: Uint8Array, offset: number) => boolean {
  let matched = 0
  return (chunk, offset) => {
    // Past the opening, or it differed before: nothing left to compare.
    if (offset !== matched || matched === opening.length) return false
    const wanted = opening.subarray(matched, matched + chunk.length)
    if (!wanted.every((octet, index) => octet === chunk[index])) return false
    matched += wanted.length
    return matched === opening.length
  }
}
