/**
 * Counts connections that have not authenticated yet, so that strangers cannot fill the gateway
 * and one of them cannot keep out the others.
 */
import { sourceKey } from '#lib/net/source-key'

/** Most connections that may be in the handshake at once. */
export type PendingLimits = { readonly total: number; readonly perSource: number }

/** A burst of reconnecting laptops behind one NAT fits; memory stays under about 50 KiB each. */
export const DEFAULT_PENDING_LIMITS: PendingLimits = { total: 1024, perSource: 128 }

export interface PendingLimit {
  /** @returns a function to call once when the connection is authenticated or gone; undefined = refuse it. */
  enter(sourceAddress: string): (() => void) | undefined
}

export function createPendingLimit(limits: PendingLimits = DEFAULT_PENDING_LIMITS): PendingLimit {
  const bySource = new Map<string, number>()
  let total = 0

  function leave(source: string): void {
    total -= 1
    const left = (bySource.get(source) ?? 1) - 1
    if (left === 0) bySource.delete(source)
    else bySource.set(source, left)
  }

  return {
    enter(sourceAddress) {
      const source = sourceKey(sourceAddress)
      const count = bySource.get(source) ?? 0
      if (total >= limits.total || count >= limits.perSource) return undefined
      total += 1
      bySource.set(source, count + 1)
      let entered = true
      return () => {
        if (entered) leave(source)
        entered = false
      }
    },
  }
}
