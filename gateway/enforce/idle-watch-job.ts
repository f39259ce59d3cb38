/** Tells when nothing has passed for a given time. */

/** An idle time-out is looked at this many times within its length. */
const LOOKS = 8
const SHORTEST_LOOK_MS = 10
/** A timer's delay is a signed 32-bit number; a longer one would run at once. */
const LONGEST_LOOK_MS = 2 ** 31 - 1

/**
 * Watches a counter that grows with what passes.
 * @param passed octets so far, both ways.
 * @param idleTimeoutMs without it nothing is watched.
 * @param onIdle called at every look for as long as it stands still.
 * @returns what ends the watch.
 */
export function watchIdle(
  passed: () => number,
  idleTimeoutMs: number | undefined,
  onIdle: () => void,
): () => void {
  if (idleTimeoutMs === undefined) return () => undefined
  const lookMs = Math.min(Math.max(idleTimeoutMs / LOOKS, SHORTEST_LOOK_MS), LONGEST_LOOK_MS)
  let before = -1
  let quietMs = 0
  const timer = setInterval(() => {
    const now = passed()
    quietMs = now === before ? quietMs + lookMs : 0
    before = now
    if (quietMs >= idleTimeoutMs) onIdle()
  }, lookMs)
  return () => clearInterval(timer)
}
