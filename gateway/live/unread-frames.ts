/**
 * What a reader of commands has not been given yet of one session, bounded: of what is printed between two keys the
 * last 64 to 128 KiB are kept. Only channels with a terminal count.
 */
import type { DataFrame, Frame } from '#lib/recording/frame'
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import { concat } from '#lib/seal/bytes'
import { OpenChannels } from '../ssh/relay/open-channels.ts'

/** Output that is left out, octets. */
export type Skipped = { readonly channel: number; readonly skipped: number }
export type Unread = Frame | Skipped

/** Kept of one run of output; larger than what any terminal shows. */
const TAIL_OCTETS = 64 * 1024
/** All that may wait; beyond it the reader begins anew with what comes then. */
export const UNREAD_LIMIT_OCTETS = 512 * 1024
/** An entry takes memory however little it holds, octets. */
const ENTRY_OCTETS = 128
/** What begins and ends the alternate screen must not be left out: nothing is read inside. */
const SWITCHES = ['47', '1047', '1049'].flatMap((mode) => [`\x1b[?${mode}h`, `\x1b[?${mode}l`])

/** What is printed between two keys. */
type Run = {
  readonly channel: number
  timeUs: number
  skipped: number
  length: number
  parts: Uint8Array[]
}

export class UnreadFrames {
  readonly #open = new OpenChannels()
  /** Octets printed, by channel with a terminal. */
  readonly #printed = new Map<number, number>()
  /** Runs that go on. */
  readonly #runs = new Map<number, Run>()
  #waiting: (Frame | Run)[] = []
  #octets = 0

  /** What waits, in octets. */
  get octets(): number {
    return this.#octets
  }

  /** Takes what passes; it is copied. @returns false when too much waits: begin anew. */
  data({ timeUs, channel, stream, bytes }: DataFrame): boolean {
    const printed = this.#printed.get(channel)
    if (printed === undefined) return true
    // In a buffer of its own: to another thread a view goes with all that it is a view of.
    const copy = new Uint8Array(bytes)
    if (stream === 'input') {
      this.#runs.delete(channel)
      return this.#add({ timeUs, channel, stream, bytes: copy }, copy.length)
    }
    this.#printed.set(channel, printed + copy.length)
    return this.#print(channel, timeUs, copy)
  }

  /** Takes every event of the session. @returns as `data`. */
  event(timeUs: number, event: SessionEvent): boolean {
    this.#open.take(event)
    const { type, channel } = event
    if (type === 'pty') this.#printed.set(channel, this.#printed.get(channel) ?? 0)
    const counts = this.#printed.has(channel) && isRead(event)
    if (type === 'channel_closed') this.#printed.delete(channel)
    if (!counts) return true
    this.#runs.delete(channel)
    return this.#add({ timeUs, event }, 0)
  }

  /** Takes out all that waits. */
  take(): readonly Unread[] {
    const taken = this.#waiting.flatMap(asUnread)
    this.#clear()
    return taken
  }

  /** Forgets what waits; what is to be taken next is how the session stands now, for a reader that knows nothing. */
  beginAnew(timeUs: number): void {
    this.#clear()
    for (const event of this.#open.events) {
      if (isRead(event) && this.#printed.has(event.channel)) this.#add({ timeUs, event }, 0)
    }
    for (const [channel, skipped] of this.#printed) {
      this.#add({ channel, timeUs, skipped, length: 0, parts: [] }, 0)
    }
  }

  #print(channel: number, timeUs: number, bytes: Uint8Array): boolean {
    const run = this.#runs.get(channel) ?? { channel, timeUs, skipped: 0, length: 0, parts: [] }
    const begins = !this.#runs.has(channel)
    this.#runs.set(channel, run)
    run.timeUs = timeUs
    run.parts.push(bytes)
    run.length += bytes.length
    const fits = begins ? this.#add(run, bytes.length) : this.#grow(bytes.length)
    if (run.length > 2 * TAIL_OCTETS || run.parts.length > TAIL_OCTETS / ENTRY_OCTETS)
      this.#cut(run)
    return fits
  }

  /** Keeps the tail of a run, after the last switch to or from the alternate screen. */
  #cut(run: Run): void {
    const all = Buffer.concat(run.parts)
    const cutAt = Math.max(0, all.length - TAIL_OCTETS)
    const head = all.subarray(0, cutAt)
    const switched = lastSwitch(head)
    run.skipped += cutAt - switched.length
    run.parts = [switched, Buffer.from(all.subarray(cutAt))]
    run.length = all.length - cutAt + switched.length
    this.#octets -= cutAt - switched.length
  }

  #add(entry: Frame | Run, octets: number): boolean {
    this.#waiting.push(entry)
    return this.#grow(octets + ENTRY_OCTETS)
  }

  #grow(octets: number): boolean {
    this.#octets += octets
    return this.#octets <= UNREAD_LIMIT_OCTETS
  }

  #clear(): void {
    this.#waiting = []
    this.#runs.clear()
    this.#octets = 0
  }
}

function lastSwitch(head: Buffer): Buffer {
  const places = SWITCHES.map((sequence) => ({ sequence, at: head.lastIndexOf(sequence) }))
  const last = places.reduce((one, other) => (other.at > one.at ? other : one))
  return Buffer.from(last.at < 0 ? '' : last.sequence)
}

function isRead({ type }: SessionEvent): boolean {
  return ['pty', 'resize', 'command_marks', 'channel_closed'].includes(type)
}

function asUnread(entry: Frame | Run): readonly Unread[] {
  if (!('parts' in entry)) return [entry]
  const { channel, timeUs, skipped, parts } = entry
  const bytes = concat(parts)
  const stream: StreamName = 'output'
  return [
    ...(skipped > 0 ? [{ channel, skipped }] : []),
    ...(bytes.length > 0 ? [{ timeUs, channel, stream, bytes }] : []),
  ]
}
