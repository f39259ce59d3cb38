/** Looks around twice a second, and tells what changed since. */
import type { Log } from '#lib/log'
import { type Change, changesBetween, LOOK_EVERY_MS, type Look } from './change.ts'

export type WatchDeps = {
  readonly look: () => Look
  readonly onChange: (changes: readonly Change[]) => void
  readonly log: Log
}

/** @returns what ends the watch. */
export function watchSurroundings({ look, onChange, log }: WatchDeps): () => void {
  let last = look()
  const step = (): void => {
    const now = look()
    const changes = changesBetween(last, now)
    last = now
    if (changes.length === 0) return
    log.info({ changes }, 'surroundings changed')
    onChange(changes)
  }
  const timer = setInterval(() => {
    try {
      step()
    } catch (error) {
      // The system may be out of memory or files for a moment; the next look sees what this one did not.
      log.warn({ error: String(error) }, 'could not look around')
    }
  }, LOOK_EVERY_MS)
  return () => clearInterval(timer)
}
