/**
 * A way to show frames as text. Every view is derived: the frames are the evidence.
 */
import type { Frame } from './frame.ts'

export interface View {
  /** The text that one more frame adds, maybe none. Frames come in order of time. */
  push(frame: Frame): string
  /** The text after the last frame. */
  end(): string
}

/** What a view is made of. */
export type ViewOptions = {
  /** When the session was opened, Unix milliseconds. */
  readonly startedAtMs: number
  /** One channel only. */
  readonly channel?: number
  /** Show what the user typed, if the keys open it; it may hold passwords. */
  readonly input?: boolean
}

/** Seconds since the session was opened, to the microsecond. */
export function secondsOf(timeUs: number): string {
  const whole = Math.floor(timeUs / 1_000_000)
  return `${whole}.${(timeUs % 1_000_000).toString().padStart(6, '0')}`
}
