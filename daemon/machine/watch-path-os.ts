/** Tells when a file or folder changes, is replaced, comes or goes; links are followed. */
import { type StatsListener, unwatchFile, watchFile } from 'node:fs'

export interface PathWatch {
  /** Settles when no listener runs any more. */
  close(): Promise<void>
}

/** By looking at it: a watch on its folder sees neither through a bind mount nor through a link. */
const INTERVAL_MS = 1_000

/** @param onChange runs once at a time; it must not reject. */
export function watchPath(path: string, onChange: () => Promise<void>): PathWatch {
  let last = Promise.resolve()
  const listener: StatsListener = () => {
    last = last.then(onChange)
  }
  watchFile(path, { interval: INTERVAL_MS, persistent: false }, listener)
  return {
    close: () => {
      unwatchFile(path, listener)
      return last
    },
  }
}
