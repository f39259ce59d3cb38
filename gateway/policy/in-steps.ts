/** Work in small steps, between which whoever carries it out may do other things. */

/** Ends with its value; until then there is nothing to be had. */
export type Steps<T> = Generator<void, T, void>

/** One step for each item. */
export function* inSteps<T, R>(items: readonly T[], make: (item: T) => R): Steps<R[]> {
  const made: R[] = []
  for (const item of items) {
    made.push(make(item))
    yield
  }
  return made
}

/** All steps at once. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}
