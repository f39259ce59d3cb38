/**
 * One file that only grows: writes in order, syncs within half a second, counts what is on its way.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'

/** Sealing takes up to as long again: together they keep within the second that manifests promise. */
const SYNC_AFTER_MS = 400
/** A store that takes no octet for this long has failed: whoever waits for it would wait for ever. */
const STALLED_AFTER_MS = 30_000
/** Linux takes at most 1024 parts in one call. */
const PARTS_PER_WRITE = 512
/** A write wakes another thread and then this one, which for less than this costs more than the octets do. */
const GATHER_BYTES = 128 * 1024

export type AppendEvents = {
  /** Some octets reached the kernel. */
  readonly onWritten: () => void
  /** Called once; nothing is written after it. */
  readonly onFailure: (cause: unknown) => void
}

export class AppendFile {
  readonly #handle: FileHandle
  readonly #events: AppendEvents
  #queue: Uint8Array[] = []
  #pendingBytes = 0
  #pendingSinceMs: number | undefined
  #writing: Promise<void> | undefined
  #isFlushDue = false
  #syncTimer: NodeJS.Timeout | undefined
  #failed = false

  readonly #stalledAfterMs: number
  #stalled = false

  /** @param handle open for writing, at its end. */
  constructor(handle: FileHandle, events: AppendEvents, stalledAfterMs = STALLED_AFTER_MS) {
    this.#handle = handle
    this.#events = events
    this.#stalledAfterMs = stalledAfterMs
  }

  /** Creates a file of mode 0600. @throws {Error} when it exists or cannot be made. */
  static async create(path: string, events: AppendEvents): Promise<AppendFile> {
    return new AppendFile(await open(path, 'wx', 0o600), events)
  }

  /**
   * Queues parts, which must not be changed afterwards; they are written once they are many, or by `flush`.
   * Nothing is kept after a failure.
   */
  append(parts: readonly Uint8Array[]): void {
    if (this.#failed) return
    for (const part of parts) {
      this.#queue.push(part)
      this.#pendingBytes += part.length
    }
    if (this.#pendingBytes >= GATHER_BYTES) this.#writing ??= this.#write()
  }

  /** Writes what is queued, however little. */
  flush(): void {
    if (this.#queue.length === 0) return
    this.#isFlushDue = true
    this.#writing ??= this.#write()
  }

  /** Octets that the kernel does not have yet. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** For how long the write under way has been waited for. */
  get pendingForMs(): number {
    return this.#pendingSinceMs === undefined ? 0 : performance.now() - this.#pendingSinceMs
  }

  /** Writes what is queued, syncs and closes. @returns whether all of it reached the disk. */
  async close(): Promise<boolean> {
    // Closing waits for the write under way, which may never end.
    if (this.#stalled) return false
    this.flush()
    await this.#writing
    clearTimeout(this.#syncTimer)
    await this.#sync()
    await this.#handle.close().catch((cause: unknown) => this.#fail(cause))
    return !this.#failed
  }

  async #write(): Promise<void> {
    while (this.#isFlushDue || this.#pendingBytes >= GATHER_BYTES) {
      const batch = this.#queue.splice(0, PARTS_PER_WRITE)
      this.#isFlushDue &&= this.#queue.length > 0
      this.#pendingSinceMs = performance.now()
      await this.#writeFully(batch).catch((cause: unknown) => this.#fail(cause))
      if (this.#failed) return
      this.#pendingBytes -= batch.reduce((sum, part) => sum + part.length, 0)
      this.#pendingSinceMs = undefined
      this.#syncTimer ??= setTimeout(() => this.#syncNow(), SYNC_AFTER_MS)
      this.#events.onWritten()
    }
    this.#writing = undefined
  }

  /** The kernel may take less than it was given, for example when the disk fills. */
  async #writeFully(parts: readonly Uint8Array[]): Promise<void> {
    let rest = parts
    while (rest.length > 0) {
      const stall = setTimeout(() => {
        this.#stalled = true
        this.#fail(new Error('the store takes no octets'))
      }, this.#stalledAfterMs)
      const { bytesWritten } = await this.#handle.writev(rest).finally(() => clearTimeout(stall))
      rest = this.#failed ? [] : dropFront(rest, bytesWritten)
    }
  }

  #syncNow(): void {
    this.#syncTimer = undefined
    void this.#sync()
  }

  async #sync(): Promise<void> {
    if (this.#failed) return
    await this.#handle.datasync().catch((cause: unknown) => this.#fail(cause))
  }

  #fail(cause: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#queue = []
    this.#pendingBytes = 0
    this.#events.onFailure(cause)
  }
}

function dropFront(parts: readonly Uint8Array[], sizeBytes: number): readonly Uint8Array[] {
  let dropped = sizeBytes
  const rest: Uint8Array[] = []
  for (const part of parts) {
    const skipped = Math.min(dropped, part.length)
    dropped -= skipped
    if (skipped < part.length) rest.push(part.subarray(skipped))
  }
  return rest
}
