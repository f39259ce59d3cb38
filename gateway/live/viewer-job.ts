/**
 * A session as one more person sees it: sealed on the fly to that person's key, never written. Who reads too slowly
 * loses the view; the session never waits.
 */
import { performance } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { classOfEvent } from '#lib/recording/event-schema'
import { type Append, RecordingWriter } from '#lib/recording/recording-writer'
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import type { SealClass } from '#lib/seal/container-format'
import { type RecipientSet, recipientsOf, startContainer } from '#lib/seal/container-writer'
import type { Recipient } from '#lib/seal/recipient-key'
import type { LiveSession, SessionTap } from './live-session.ts'

/** What came is sealed and sent this long after, at the latest: the eye notices no more. */
const SEAL_AFTER_MS = 50
/** `zt` gives up a connection that is silent for 15 s, the listener one of 30 s. */
const BEAT_MS = 5_000
/** Sealed octets that a viewer may be behind. */
const UNREAD_LIMIT_BYTES = 4 * 1024 * 1024
const CLASSES = ['output', 'input', 'index'] as const satisfies readonly SealClass[]

/** The classes that somebody may open, by the list of recipients in force. */
export function classesFor(
  { fingerprint }: Pick<Recipient, 'fingerprint'>,
  list: RecipientSet | undefined,
): readonly SealClass[] {
  if (list === undefined) return []
  return CLASSES.filter((sealClass) =>
    recipientsOf(list, sealClass).some((one) => one.fingerprint === fingerprint),
  )
}

/**
 * Begins to watch a session.
 * @param sees nothing of another class is sealed.
 * @param beatMs so often something comes, whatever happens.
 * @returns sealed octets, in the format of a recording, until the session ends or the reader leaves.
 */
export async function openViewer(
  session: LiveSession,
  recipient: Recipient,
  sees: readonly SealClass[],
  beatMs: number = BEAT_MS,
): Promise<Readable> {
  const { id: sessionId, ...about } = session.about
  const container = await startContainer({ sessionId, ...about }, { output: [recipient] })
  const view = new Viewer(sees)
  view.begin((append) => new RecordingWriter(container, append), beatMs)
  const leave = session.follow(view)
  view.stream.once('close', () => {
    leave()
    view.end()
  })
  return view.stream
}

class Viewer implements SessionTap {
  readonly stream = new Readable({ read: () => undefined })
  readonly #sees: ReadonlySet<SealClass>
  readonly #beganAtMs = performance.now()
  #writer: RecordingWriter | undefined
  #timer: NodeJS.Timeout | undefined
  #beats: NodeJS.Timeout | undefined

  constructor(sees: readonly SealClass[]) {
    this.#sees = new Set(sees)
  }

  begin(write: (append: Append) => RecordingWriter, beatMs: number): void {
    this.#writer = write((parts) => this.#send(parts))
    this.#beats = setInterval(() => this.#writer?.beat(), beatMs)
  }

  data(channel: number, stream: StreamName, bytes: Uint8Array): void {
    if (!this.#sees.has(stream === 'input' ? 'input' : 'output')) return
    this.#writer?.data(this.#nowUs, channel, stream, bytes)
    this.#armSeal()
  }

  event(event: SessionEvent): void {
    if (!this.#sees.has(classOfEvent(event))) return
    this.#writer?.event(this.#nowUs, event)
    this.#armSeal()
  }

  end(): void {
    clearTimeout(this.#timer)
    clearInterval(this.#beats)
    const writer = this.#writer
    this.#writer = undefined
    if (this.stream.destroyed) writer?.abandon()
    else {
      writer?.end()
      this.stream.push(null)
    }
  }

  #send(parts: readonly Uint8Array[]): void {
    if (this.stream.destroyed) return
    for (const part of parts) this.stream.push(part)
    if (this.stream.readableLength > UNREAD_LIMIT_BYTES) {
      this.stream.destroy(new Error('viewer_too_slow'))
    }
  }

  get #nowUs(): number {
    return (performance.now() - this.#beganAtMs) * 1000
  }

  #armSeal(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#writer?.flush()
    }, SEAL_AFTER_MS)
  }
}
