/** Tells the recording and the log what passes through a session. */
import type { Log, LogFields } from '#lib/log'
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import type { Recorder } from '../recording/recorder.ts'
import type { RelayWatch } from './relay-watch.ts'

/** A client can ask for refused things without end; the recording has them all, the log the first ones. */
const LOGGED_REFUSALS_LIMIT = 100

export class SessionWatch implements RelayWatch {
  /** Octets of channel data that passed, both ways. */
  passedOctets = 0
  readonly #recorder: Recorder | undefined
  readonly #log: Log
  readonly #about: LogFields
  #refusals = 0

  /** @param about stands in each log line. */
  constructor(recorder: Recorder | undefined, log: Log, about: LogFields) {
    this.#recorder = recorder
    this.#log = log
    this.#about = about
  }

  data(channel: number, stream: StreamName, bytes: Buffer): void {
    this.passedOctets += bytes.length
    this.#recorder?.data(channel, stream, bytes)
  }

  unrecorded(octets: number): void {
    this.passedOctets += octets
  }

  event(event: SessionEvent): void {
    this.#recorder?.event(event)
    if (event.type === 'refused' && this.#refusals++ < LOGGED_REFUSALS_LIMIT) this.#logged(event)
  }

  #logged({ what, target, reason }: SessionEvent & { readonly type: 'refused' }): void {
    // Who may read the log is not who may read commands.
    const named = what === 'exec' || target === undefined ? {} : { target }
    this.#log.warn({ ...this.#about, what, ...named, reason }, 'refused inside an ssh session')
  }
}
