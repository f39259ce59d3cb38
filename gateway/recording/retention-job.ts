/** Erases recordings that were kept long enough, at the start and then each hour. */
import type { Log } from '#lib/log'
import type { Keeping } from './keeping-store.ts'

const EVERY_MS = 3_600_000

export type RetentionOptions = {
  readonly keeping: Pick<Keeping, 'expire'>
  /** How long a recording is kept after its end, ms. */
  readonly keepMs: number
  readonly now: () => number
  readonly log: Log
}

/** @returns what ends it. */
export function startRetention({ keeping, keepMs, now, log }: RetentionOptions): () => void {
  let running = false
  const run = (): void => {
    if (running) return
    running = true
    keeping
      .expire(now() - keepMs)
      .then((erased) => {
        if (erased > 0) log.info({ erased }, 'recordings expired')
      })
      .catch((error: unknown) => log.error({ error: String(error) }, 'recordings not expired'))
      .finally(() => {
        running = false
      })
  }
  run()
  const timer = setInterval(run, EVERY_MS)
  return () => clearInterval(timer)
}
