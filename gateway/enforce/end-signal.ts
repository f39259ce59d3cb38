/** Tells once that a flow has ended. An AbortSignal would do, but costs a tenth of a flow's set-up. */
export interface EndSignal {
  readonly hasEnded: boolean
  /** Calls `listener` when the flow ends. @returns what takes the listener back. */
  onEnd(listener: () => void): () => void
}

/** @returns the signal, and what raises it. */
export function createEndSignal(): { readonly signal: EndSignal; readonly raise: () => void } {
  const listeners = new Set<() => void>()
  let hasEnded = false
  return {
    signal: {
      get hasEnded() {
        return hasEnded
      },
      onEnd(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    raise() {
      if (hasEnded) return
      hasEnded = true
      for (const listener of listeners) listener()
    },
  }
}
