/** Time on two clocks at once, for distances that have to hold while a laptop sleeps. Pure. */

/** A point in time: one clock stands still while the machine sleeps, the other may be set. */
export type Moment = {
  /** Unix milliseconds. */
  readonly wallMs: number
  /** Milliseconds of a clock that only goes forward. */
  readonly steadyMs: number
}

/**
 * Milliseconds between two moments, whole, at least 0. The greater distance of the two clocks counts, so that neither
 * makes anything younger than it is.
 */
export function elapsedMs(from: Moment, to: Moment): number {
  return Math.max(0, Math.ceil(Math.max(to.wallMs - from.wallMs, to.steadyMs - from.steadyMs)))
}
