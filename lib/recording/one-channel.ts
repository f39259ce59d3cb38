/**
 * Which channel a view of one terminal shows: the one that was asked for, or the first that starts something.
 */
import type { Frame } from './frame.ts'
import type { SessionEvent } from './session-event.ts'

const STARTS: readonly SessionEvent['type'][] = ['pty', 'shell', 'exec', 'subsystem']

export class OneChannel {
  #channel: number | undefined

  constructor(wanted: number | undefined) {
    this.#channel = wanted
  }

  /** Whether the frame belongs to the channel that is shown. Frames come in order of time. */
  has(frame: Frame): boolean {
    if (!('event' in frame)) {
      this.#channel ??= frame.channel
      return frame.channel === this.#channel
    }
    const { type, channel } = frame.event
    if (STARTS.includes(type)) this.#channel ??= channel
    return channel === this.#channel
  }
}
