/**
 * The policy in force: one immutable value that is replaced whole, never changed.
 * Whoever decides reads `current` once and works with what it got.
 */

/** A compiled policy and the number of the revision it was compiled from. */
export type Snapshot<Policy> = { readonly revision: number; readonly policy: Policy }

/** Holder of the policy in force. */
export interface PolicySnapshot<Policy> {
  readonly current: Snapshot<Policy>
  /** Puts a newer revision in force, then calls every listener once with it. */
  replace(next: Snapshot<Policy>): void
  /** Calls `listener` after each replacement. @returns a function that ends this. */
  onChange(listener: (next: Snapshot<Policy>) => void): () => void
}

/** Makes a holder that starts with `initial`. */
export function createPolicySnapshot<Policy>(initial: Snapshot<Policy>): PolicySnapshot<Policy> {
  let current = Object.freeze({ ...initial })
  const listeners = new Set<(next: Snapshot<Policy>) => void>()
  return {
    get current() {
      return current
    },
    replace(next) {
      current = Object.freeze({ ...next })
      for (const listener of [...listeners]) listener(current)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}
