/**
 * How long to wait after wrong guesses: some are free, then each one doubles the wait.
 */

export type BackOff = {
  /** Guesses before there is a wait. */
  readonly free: number
  readonly firstMs: number
  readonly longestMs: number
}

/** Wrong guesses in a row so far, and when the last one was, Unix milliseconds. */
export type Failures = { readonly failures: number; readonly lastAtMs: number }

/** How long to wait still; 0 for now. */
export function waitMs(
  { free, firstMs, longestMs }: BackOff,
  past: Failures,
  nowMs: number,
): number {
  if (past.failures < free) return 0
  const wait = Math.min(firstMs * 2 ** (past.failures - free), longestMs)
  return Math.max(0, past.lastAtMs + wait - nowMs)
}
