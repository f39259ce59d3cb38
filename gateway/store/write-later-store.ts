/** Rows that are written often wait a little and go in together; they are tried again as long as the disk refuses. */

export type WriteLaterOptions = {
  /** Longest wait, ms. */
  readonly flushAfterMs: number
  /** Told when rows could not be written; they are kept and tried again. */
  readonly onWriteError: (error: unknown) => void
}

export interface WriteLater {
  /** Writes now, throws when that fails; what waits is tried again nevertheless. */
  flush(): void
  /** Has them written within `flushAfterMs`. */
  schedule(): void
  /** Has them written now, unless that failed last time. */
  hurry(): void
  /** The last write, which throws when it fails; nothing is tried again. */
  close(): void
}

/** @param writeAll writes what waits, if anything does, and forgets it; or throws and keeps it all. */
export function writeLater(
  writeAll: () => void,
  { flushAfterMs, onWriteError }: WriteLaterOptions,
): WriteLater {
  let timer: NodeJS.Timeout | undefined
  let isFailing = false
  let isClosed = false

  function flush(): void {
    writeAll()
    clearTimeout(timer)
    timer = undefined
    isFailing = false
  }

  function tryFlush(): void {
    try {
      flush()
    } catch (error) {
      isFailing = true
      onWriteError(error)
      schedule()
    }
  }

  function schedule(): void {
    if (isClosed) return
    timer ??= setTimeout(() => {
      timer = undefined
      tryFlush()
    }, flushAfterMs).unref()
  }

  function close(): void {
    isClosed = true
    clearTimeout(timer)
    writeAll()
  }

  return { flush, schedule, hurry: () => (isFailing ? schedule() : tryFlush()), close }
}
