/** One session whose typed commands are read elsewhere: what waits, what is under way, what was missed. */
import type { Log } from '#lib/log'
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import { WHOLE_SESSION } from '../ssh/relay/relay-watch.ts'
import type { CommandBatch, TypedCommand } from './command-batch.ts'
import type { LiveSession, SessionTap } from './live-session.ts'
import { UnreadFrames } from './unread-frames.ts'

/** Told of one session, however often it happens. */
const TOLD_LIMIT = 100

/** `behind`: more came than is kept for the reader. `reader_died`: the thread that reads ended. */
export type MissedReason = 'behind' | 'reader_died'

export class CommandTap implements SessionTap {
  /** Called when there may be a batch to take. */
  onUnread = (): void => undefined
  /** Called once, when the session is over and read to its end, or never will be. */
  onDone = (): void => undefined
  readonly #session: LiveSession
  readonly #log: Log
  readonly #unread = new UnreadFrames()
  #begins = true
  #state: 'open' | 'ended' | 'last_sent' | 'done' = 'open'
  /** A batch is being read. */
  #busy = false
  #missed = 0

  constructor(session: LiveSession, log: Log) {
    this.#session = session
    this.#log = log
  }

  get waitingOctets(): number {
    return this.#unread.octets
  }

  data(channel: number, stream: StreamName, bytes: Uint8Array): void {
    const timeUs = this.#nowUs
    if (!this.#unread.data({ timeUs, channel, stream, bytes })) this.#beginAnew('behind')
    this.onUnread()
  }

  event(event: SessionEvent): void {
    if (event.type === 'command' || event.type === 'commands_missed') return
    if (!this.#unread.event(this.#nowUs, event)) this.#beginAnew('behind')
    this.onUnread()
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended'
    this.onUnread()
  }

  /** What the reader is to read next; undefined while there is nothing, or it has not answered. */
  takeBatch(): CommandBatch | undefined {
    const ends = this.#state === 'ended'
    if (this.#busy || this.#state === 'done') return undefined
    if (this.#unread.octets === 0 && !ends) return undefined
    const batch = {
      ...{ session: this.#session.about.id, frames: this.#unread.take() },
      ...{ begins: this.#begins, ends },
    }
    this.#begins = false
    this.#busy = true
    if (ends) this.#state = 'last_sent'
    return batch
  }

  /** The reader has read the batch. */
  answered(commands: readonly TypedCommand[]): void {
    this.#busy = false
    for (const command of commands) this.#session.note(command)
    if (this.#state === 'last_sent') this.giveUp()
  }

  /** The reader is gone, and with it what it knew. */
  readerDied(): void {
    this.#busy = false
    this.#beginAnew('reader_died')
    if (this.#state !== 'open') this.giveUp()
  }

  giveUp(): void {
    if (this.#state === 'done') return
    this.#state = 'done'
    this.onDone()
  }

  #beginAnew(reason: MissedReason): void {
    this.#begins = true
    this.#unread.beginAnew(this.#nowUs)
    if (this.#missed++ >= TOLD_LIMIT) return
    const about = { session: this.#session.about.id, reason, times: this.#missed }
    this.#log.warn(about, 'typed commands missed')
    this.#session.note({ type: 'commands_missed', channel: WHOLE_SESSION, reason })
  }

  get #nowUs(): number {
    return this.#session.elapsedMs * 1000
  }
}
