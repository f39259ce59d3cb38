/**
 * When to show what: frames in, waits and bytes out. No timer, no terminal.
 */
import type { Frame } from '#lib/recording/frame'
import { TerminalFilter } from '#lib/recording/terminal-filter'

export type PlayOptions = {
  /** 2 plays twice as fast. Positive. */
  readonly speed: number
  /** No pause of the session is waited for longer than this, before `speed` counts. */
  readonly idleLimitMs?: number
  /** Without it, the first channel that prints is played. */
  readonly channel?: number
}

/** Wait, then write. */
export type PlayStep = { readonly delayMs: number; readonly bytes: Uint8Array }

/** Ends what a recording that was cut off may have left on: colours, hidden cursor, alternate screen. */
export const RESTORE_TERMINAL = '\u001b[0m\u001b[?25h\u001b[?1049l'

export class PlaySchedule {
  readonly #options: PlayOptions
  readonly #filters = { output: new TerminalFilter('draw'), stderr: new TerminalFilter('draw') }
  #channel: number | undefined
  #shownUs: number | undefined

  constructor(options: PlayOptions) {
    this.#options = options
    this.#channel = options.channel
  }

  /** The next step, if the frame shows anything. The wait before the first one is left out. */
  push(frame: Frame): PlayStep | undefined {
    if ('event' in frame || frame.stream === 'input') return undefined
    this.#channel ??= frame.channel
    if (frame.channel !== this.#channel) return undefined
    const bytes = this.#filters[frame.stream].push(frame.bytes)
    if (bytes.length === 0) return undefined
    const gapMs = (frame.timeUs - (this.#shownUs ?? frame.timeUs)) / 1000
    this.#shownUs = frame.timeUs
    const { idleLimitMs = gapMs, speed } = this.#options
    return { delayMs: Math.min(gapMs, idleLimitMs) / speed, bytes }
  }
}
