/** Tells the recording, the log and whoever follows what passes through a session. */
import type { Log, LogFields } from '#lib/log'
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import type { SessionTap } from '../live/live-session.ts'
import type { Recorder } from '../recording/recorder.ts'
import { OpenChannels } from './relay/open-channels.ts'
import type { Asked, RelayWatch } from './relay/relay-watch.ts'
import type { Side } from './relay/side.ts'

/** A client can ask for refused things without end; the recording has them all, the log the first ones. */
const LOGGED_REFUSALS_LIMIT = 100

export class SessionWatch implements RelayWatch {
  /** Octets of channel data that passed, both ways. */
  passedOctets = 0
  readonly #recorder: Recorder | undefined
  readonly #log: Log
  readonly #about: LogFields
  readonly #open = new OpenChannels()
  readonly #taps = new Set<SessionTap>()
  #refusals = 0
  #isOver = false

  /** @param about stands in each log line. */
  constructor(recorder: Recorder | undefined, log: Log, about: LogFields) {
    this.#recorder = recorder
    this.#log = log
    this.#about = about
  }

  data(channel: number, stream: StreamName, bytes: Buffer): void {
    this.passedOctets += bytes.length
    this.#recorder?.data(channel, stream, bytes)
    for (const tap of this.#taps) tap.data(channel, stream, bytes)
  }

  unrecorded(from: Side, octets: number): void {
    this.passedOctets += octets
    for (const tap of this.#taps) tap.unrecorded?.(from, octets)
  }

  asking(asked: Asked): void {
    for (const tap of this.#taps) tap.asking?.(asked)
  }

  event(event: SessionEvent): void {
    this.#recorder?.event(event)
    this.#open.take(event)
    for (const tap of this.#taps) tap.event(event)
    if (event.type === 'refused' && this.#refusals++ < LOGGED_REFUSALS_LIMIT) this.#logged(event)
  }

  /** @returns what takes the tap off again. */
  follow(tap: SessionTap): () => void {
    if (this.#isOver) {
      tap.end()
      return () => undefined
    }
    for (const event of this.#open.events) tap.event(event)
    this.#taps.add(tap)
    return () => this.#taps.delete(tap)
  }

  /** Nothing passes any more. @returns what resolves when nothing more is noted; undefined when nothing is now. */
  end(): Promise<unknown> | undefined {
    this.#isOver = true
    const late: Promise<void>[] = []
    for (const tap of this.#taps) {
      tap.end()
      if (tap.settled) late.push(tap.settled())
    }
    this.#taps.clear()
    return late.length > 0 ? Promise.all(late) : undefined
  }

  #logged({ what, target, reason }: SessionEvent & { readonly type: 'refused' }): void {
    // Who may read the log is not who may read commands.
    const named = what === 'exec' || target === undefined ? {} : { target }
    this.#log.warn({ ...this.#about, what, ...named, reason }, 'refused inside an ssh session')
  }
}
