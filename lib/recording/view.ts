/**
 * A way to show frames. Every view is derived: the frames are the evidence.
 */
import type { Frame } from './frame.ts'

/** `Piece` is text, or octets where text would not hold what was recorded. */
export interface View<Piece extends string | Uint8Array = string> {
  /** What one more frame adds, maybe nothing. Frames come in order of time. */
  push(frame: Frame): Piece
  /** What comes after the last frame. */
  end(): Piece
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

/**
 * JSON that no terminal obeys, in which letters stand in their order: JSON itself escapes controls below U+0020 only;
 * a terminal knows those to U+009F, and marks of direction reorder what is shown (CVE-2021-42574).
 */
export function toPrintableJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (char) => {
      return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
    },
  )
}
