/**
 * A few at once, some waiting, no more: work that costs much memory or time.
 */

export type TurnLimits = { readonly atOnce: number; readonly waiting: number }

/** Does the work when it is its turn; undefined when too many wait already. Rejects as the work does. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T | undefined>

/** Makes a queue, first come, first served. */
export function openTurns({ atOnce, waiting }: TurnLimits): Turns {
  const queue: (() => void)[] = []
  let running = 0
  const finish = (): void => {
    const next = queue.shift()
    // The turn goes to the next one; nobody may slip in between.
    if (next === undefined) running -= 1
    else next()
  }
  return async (work) => {
    if (running < atOnce) running += 1
    else if (queue.length >= waiting) return undefined
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      return await work()
    } finally {
      finish()
    }
  }
}
