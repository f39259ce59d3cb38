/**
 * One session being recorded: gives the sealing core its clock, its timer and its file.
 */
import { performance } from 'node:perf_hooks'
import type { ChannelCounts } from '#lib/recording/channel-tally'
import { RecordingWriter } from '#lib/recording/recording-writer'
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import type { Header } from '#lib/seal/container-format'
import type { ContainerState, ContainerWriter } from '#lib/seal/container-writer'
import { collectBulk } from '#lib/tunnel/bulk-buffers-os'
import type { AppendFile } from './append-file-store.ts'
import type { Recorder, RecordingEnd, RecordingSubject } from './recorder.ts'

/** Bytes are sealed and given to the kernel this long after they came, at the latest. */
const SEAL_AFTER_MS = 500
/**
 * Unsealed and unwritten octets that a session may be ahead of its file: 320 KiB may wait with no write under way (a
 * chunk of each class, and what the file gathers), and at half of this relaying stopped for nearly every write.
 */
const BACKLOG_LIMIT_BYTES = 512 * 1024
const BACKLOG_LIMIT_MS = 1000

/** What the manifest says about a session that ended. */
export type RecordedSession = {
  readonly header: Header
  readonly file: ContainerState
  readonly channels: readonly ChannelCounts[]
  /** False: a write failed, and the file may be torn. */
  readonly written: boolean
  readonly end: RecordingEnd
}

export class SessionRecorder implements Recorder {
  onDrain: () => void = () => {}
  onFailure: (reason: string) => void = () => {}
  readonly #openedAtMs = performance.now()
  readonly #header: Header
  readonly #file: AppendFile
  readonly #writer: RecordingWriter
  readonly #finish: (session: RecordedSession) => Promise<void>
  #sealTimer: NodeJS.Timeout | undefined
  #reportedBacklog = false
  #goesOn: boolean
  #failed = false
  #closing: Promise<void> | undefined

  /** @param finish writes manifest and row; it must not reject. */
  constructor(
    container: ContainerWriter,
    file: AppendFile,
    finish: (session: RecordedSession) => Promise<void>,
    { recordScope, recordFailure }: Pick<RecordingSubject, 'recordScope' | 'recordFailure'>,
  ) {
    this.#goesOn = recordFailure === 'go_on'
    this.#header = container.header
    this.#file = file
    this.#finish = finish
    this.#writer = new RecordingWriter(container, (parts) => file.append(parts), recordScope)
    file.flush()
  }

  data(channel: number, stream: StreamName, bytes: Uint8Array): void {
    if (this.#stopped) return
    this.#writer.data(this.#nowUs, channel, stream, bytes)
    this.#armSeal()
    // Sealing makes as much again.
    collectBulk(bytes.length)
  }

  event(event: SessionEvent): void {
    if (this.#stopped) return
    this.#writer.event(this.#nowUs, event)
    this.#armSeal()
  }

  get elapsedMs(): number {
    return this.#nowUs / 1000
  }

  get backlogged(): boolean {
    this.#reportedBacklog = this.#failed ? !this.#goesOn : this.#isBehind
    return this.#reportedBacklog
  }

  close(end: RecordingEnd): Promise<void> {
    this.#closing ??= this.#close(end)
    return this.#closing
  }

  /** The file reached the kernel; to be called by who made the file. */
  written(): void {
    if (!this.#reportedBacklog || this.#isBehind) return
    this.#reportedBacklog = false
    this.onDrain()
  }

  /**
   * The file failed; to be called by who made the file.
   * @param isAudited otherwise nobody would ever know: the session ends, whatever policy says.
   */
  failed(isAudited: boolean): void {
    this.#failed = true
    this.#goesOn &&= isAudited
    clearTimeout(this.#sealTimer)
    this.#writer.abandon()
    if (this.#goesOn) this.onDrain()
    else this.onFailure('write_failed')
  }

  get #stopped(): boolean {
    return this.#failed || this.#closing !== undefined
  }

  get #isBehind(): boolean {
    const behindBytes = this.#writer.unsealedBytes + this.#file.pendingBytes
    return behindBytes > BACKLOG_LIMIT_BYTES || this.#file.pendingForMs > BACKLOG_LIMIT_MS
  }

  get #nowUs(): number {
    return (performance.now() - this.#openedAtMs) * 1000
  }

  #armSeal(): void {
    if (this.#writer.unsealedBytes === 0) return
    this.#sealTimer ??= setTimeout(() => {
      this.#sealTimer = undefined
      this.#writer.flush()
      this.#file.flush()
    }, SEAL_AFTER_MS)
  }

  async #close(end: RecordingEnd): Promise<void> {
    clearTimeout(this.#sealTimer)
    if (!this.#failed) this.#writer.end()
    const written = await this.#file.close()
    const { state: file, channels } = this.#writer
    await this.#finish({ header: this.#header, file, channels, written, end })
  }
}
