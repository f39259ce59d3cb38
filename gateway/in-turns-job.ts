/** Carries out long work in steps, so that everything else has its turn between them. */
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import type { Steps } from './policy/in-steps.ts'

/** How long others wait at a time, ms; a step that takes longer is not interrupted. */
const SLICE_MS = 10

/** @throws what a step throws. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const untilMs = performance.now() + SLICE_MS
    do {
      const { done, value } = steps.next()
      if (done) return value
    } while (performance.now() < untilMs)
    await setImmediate()
  }
}
