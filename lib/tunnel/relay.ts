/**
 * Joins two byte streams: back-pressure, half-close, and resets pass through; octets are counted, and only
 * the first sixteen may be looked at. Owns no socket: who made the streams says how to reset them.
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

/**
 * Judges how an end began, before those octets are passed on. Called with all of them so far whenever more come,
 * until there are `OPENING_OCTETS`, so that a split hides nothing.
 * @returns a reason to cut the relay.
 */
export type CheckOpening = (opening: Uint8Array) => string | undefined

/** Octets of an opening. */
export const OPENING_OCTETS = 16

/** What a relay may be told. */
export type RelayOptions = {
  /** Judge what the ends begin with. */
  readonly openingOfA?: CheckOpening
  readonly openingOfB?: CheckOpening
  /** Runs a task at the end of this turn of the event loop, `setImmediate`: bulk data is written once a turn then. */
  readonly later?: (task: () => void) => void
  /** Called with the length of each chunk that is part of a bulk transfer. */
  readonly onBulk?: (octets: number) => void
}

/** Starts to relay. Streams may hold unread data, and may be paused. */
export function relay(a: RelayEnd, b: RelayEnd, options: RelayOptions = {}): Relay {
  const { later, onBulk } = options
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
  const up = pump(a.stream, b.stream, { check: options.openingOfA, cut, later, onBulk })
  const down = pump(b.stream, a.stream, { check: options.openingOfB, cut, later, onBulk })
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
    // `writableFinished` would not do: an HTTP/2 stream closes once its end is on the wire, without saying so.
    if (!stream.readableEnded || !stream.writableEnded || stream.errored !== null) takeOther()
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

/**
 * A chunk of this size is part of a bulk transfer: what comes in the same turn is written in one go, since each write
 * to a socket is a system call. Smaller ones go out at once.
 */
const BULK_OCTETS = 4096

type PumpOptions = {
  readonly check: CheckOpening | undefined
  readonly cut: (reason: string) => void
  readonly later: RelayOptions['later']
  readonly onBulk: RelayOptions['onBulk']
}

function pump(source: Duplex, sink: Duplex, options: PumpOptions): Pump {
  const { check, cut, later, onBulk } = options
  const counted: Pump = { bytes: 0 }
  const judge = check === undefined ? undefined : openingJudge(check)
  const gather = later === undefined ? undefined : gatherer(sink, later)
  source.on('data', (chunk: Buffer) => {
    const reason = counted.bytes < OPENING_OCTETS ? judge?.(chunk) : undefined
    if (reason !== undefined) {
      cut(reason)
      return
    }
    counted.bytes += chunk.length
    if (chunk.length >= BULK_OCTETS) {
      gather?.()
      onBulk?.(chunk.length)
    }
    if (!sink.write(chunk)) source.pause()
  })
  sink.on('drain', () => source.resume())
  source.once('end', () => sink.end())
  source.resume()
  return counted
}

/** Holds back what is written to `sink` until the end of this turn. */
function gatherer(sink: Duplex, later: (task: () => void) => void): () => void {
  let isGathering = false
  const release = (): void => {
    isGathering = false
    sink.uncork()
  }
  return () => {
    if (isGathering) return
    isGathering = true
    sink.cork()
    later(release)
  }
}

function openingJudge(check: CheckOpening): CheckOpening {
  const opening = new Uint8Array(OPENING_OCTETS)
  let length = 0
  return (chunk) => {
    const more = chunk.subarray(0, OPENING_OCTETS - length)
    opening.set(more, length)
    length += more.length
    return check(opening.subarray(0, length))
  }
}
