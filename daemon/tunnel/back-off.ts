/** How long to wait between attempts to reach the gateway. Pure. */

/** First wait after a failure; a connection that was lost after a while is replaced at once, within the jitter. */
const FIRST_WAIT_MS = 500
/** Longest wait; jitter comes on top. */
const LONGEST_WAIT_MS = 30_000
/** The same while there is hope; with jitter and a handshake below the 3 s in which data is to pass again. */
const LONGEST_EAGER_WAIT_MS = 1_500

/**
 * Milliseconds until the next attempt: half to one and a half times the step, so that a thousand daemons do not come
 * back as one.
 * @param failures in a row; 0: a connection that lived was lost.
 * @param random in [0, 1).
 */
export function backOffMs(failures: number, isEager: boolean, random: number): number {
  const step = failures === 0 ? FIRST_WAIT_MS / 2 : FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 10)
  return Math.min(step, isEager ? LONGEST_EAGER_WAIT_MS : LONGEST_WAIT_MS) * (0.5 + random)
}
