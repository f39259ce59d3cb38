/** A bucket of tokens; the clock is handed in. */

/** @returns whether one more may pass now: `perSecond` on average, and as many at once. */
export function createRateLimit(perSecond: number): (nowMs: number) => boolean {
  let left = perSecond
  let atMs: number | undefined
  return (nowMs) => {
    const passedMs = Math.max(nowMs - (atMs ?? nowMs), 0)
    left = Math.min(left + (passedMs * perSecond) / 1000, perSecond)
    atMs = nowMs
    if (left < 1) return false
    left -= 1
    return true
  }
}
