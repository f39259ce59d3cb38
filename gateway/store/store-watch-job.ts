/** Notices what other processes write into the store: an administrator's command beside the running gateway. */

/** How soon it is noticed, ms: well within the second that a cut may take. */
const EVERY_MS = 250

/**
 * Calls `onChange` soon after another process has committed.
 * @param version changes with every such commit.
 * @returns what ends the watch.
 */
export function watchStore(version: () => number, onChange: () => void): () => void {
  let seen = version()
  const timer = setInterval(() => {
    const now = version()
    if (now === seen) return
    seen = now
    onChange()
  }, EVERY_MS)
  return () => clearInterval(timer)
}
