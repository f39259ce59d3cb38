/**
 * When to show what: frames in, waits and bytes out. No timer, no terminal.
 */
import type { Frame } from '#lib/recording/frame'
import { OneChannel } from '#lib/recording/one-channel'
import { TerminalFilter } from '#lib/recording/terminal-filter'

export type PlayOptions = {
  /** 2 plays twice as fast. Positive. */
  readonly speed: number
  /** No pause of the session is waited for longer than this, before `speed` counts. */
  readonly idleLimitMs?: number
  /** Without it, the first channel that starts something is played. */
  readonly channel?: number
  /** What came before this time, in microseconds, is shown at once. */
  readonly fromUs?: number
}

/** Wait, then write. */
export type PlayStep = { readonly delayMs: number; readonly bytes: Uint8Array }

/** Ends what a recording that was cut off may have left on: colours, hidden cursor, alternate screen. */
export const RESTORE_TERMINAL = '\u001b[0m\u001b[?25h\u001b[?1049l'

export class PlaySchedule {
  readonly #options: PlayOptions
  readonly #filters = { output: new TerminalFilter('draw'), stderr: new TerminalFilter('draw') }
  readonly #played: OneChannel
  #shownUs: number | undefined

  constructor(options: PlayOptions) {
    this.#options = options
    this.#played = new OneChannel(options.channel)
  }

  /** The next step, if the frame shows anything. The wait before the first one is left out. */
  push(frame: Frame): PlayStep | undefined {
    if (!this.#played.has(frame) || 'event' in frame || frame.stream === 'input') return undefined
    const bytes = this.#filters[frame.stream].push(frame.bytes)
    if (bytes.length === 0) return undefined
    return { delayMs: this.#wait(frame.timeUs), bytes }
  }

  #wait(timeUs: number): number {
    const { fromUs = 0, speed } = this.#options
    const shownUs = Math.max(this.#shownUs ?? timeUs, fromUs)
    this.#shownUs = timeUs
    const gapMs = Math.max(0, timeUs - shownUs) / 1000
    return Math.min(gapMs, this.#options.idleLimitMs ?? gapMs) / speed
  }
}
