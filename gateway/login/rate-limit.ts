/**
 * How often strangers may ask. Each source has its share, and all together have a limit, so that neither one caller nor
 * many exhaust the gateway. IPv6 callers count by /64: that is what one customer gets.
 */
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { sourceKey } from '#lib/net/source-key'

/** Requests within the window. */
export type RateLimit = {
  readonly perSource: number
  /** Of all together; without it only each source is bounded. */
  readonly global?: number
  readonly windowSeconds: number
}

/** Takes one from the share of a source. @returns whether there was one left. */
export type RateGate = (source: string) => Promise<boolean>

/**
 * Makes a gate; it forgets at restart.
 * @param keyOf what callers count by; their address when it is left out.
 */
export function openRateGate(
  { perSource, global, windowSeconds }: RateLimit,
  keyOf: (caller: string) => string = sourceKey,
): RateGate {
  const bySource = new RateLimiterMemory({ points: perSource, duration: windowSeconds })
  const all = global && new RateLimiterMemory({ points: global, duration: windowSeconds })
  // The source first: one caller above its share must not use up everybody's.
  return async (source) => (await take(bySource, keyOf(source))) && (!all || take(all, 'all'))
}

async function take(limiter: RateLimiterMemory, key: string): Promise<boolean> {
  try {
    await limiter.consume(key)
    return true
  } catch (refused) {
    if (refused instanceof Error) throw refused
    return false
  }
}
