/** Tells when a file or folder changes, is replaced, comes or goes; links are followed. */
import { type StatsListener, unwatchFile, watchFile } from 'node:fs'
import type { Log } from '#lib/log'

export interface PathWatch {
  /** Settles when no listener runs any more. */
  close(): Promise<void>
}

/** By looking at it: a watch on its folder sees neither through a bind mount nor through a link. */
const INTERVAL_MS = 1_000

/** @param onChange runs once at a time; when it rejects, that is logged, and the next change is another try. */
export function watchPath(path: string, log: Log, onChange: () => Promise<void>): PathWatch {
  let last = Promise.resolve()
  const listener: StatsListener = () => {
    last = last.then(onChange).catch((cause) => {
      log.warn({ path, cause: String(cause) }, 'a change was not followed')
    })
  }
  watchFile(path, { interval: INTERVAL_MS, persistent: false }, listener)
  return {
    close: () => {
      unwatchFile(path, listener)
      return last
    },
  }
}
