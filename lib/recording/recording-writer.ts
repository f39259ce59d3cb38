/**
 * Turns bytes and events of a session into sealed octets. It owns no file, no timer and no clock:
 * the caller says what time it is, when to flush, and appends what comes out.
 */
import { SEAL_CLASSES, type SealClass } from '../seal/container-format.ts'
import type { ContainerState, ContainerWriter } from '../seal/container-writer.ts'
import { type ChannelCounts, ChannelTally } from './channel-tally.ts'
import { classOfEvent } from './event-schema.ts'
import { classOfStream, EVENT_LIMIT_BYTES, type FrameKind } from './frame.ts'
import { FrameBuffer } from './frame-buffer.ts'
import type { SessionEvent, StreamName } from './session-event.ts'

/** Appends sealed octets to the file. */
export type Append = (parts: readonly Uint8Array[]) => void

/** `full`: bytes and events; `commands`: events; `metadata`: neither, only counts. */
export type RecordingScope = 'full' | 'commands' | 'metadata'

export class RecordingWriter {
  readonly #container: ContainerWriter
  readonly #append: Append
  readonly #tally = new ChannelTally()
  readonly #buffers: Readonly<Record<SealClass, FrameBuffer>> = {
    output: new FrameBuffer(),
    input: new FrameBuffer(),
    index: new FrameBuffer(),
  }
  #timeUs = 0
  readonly #scope: RecordingScope
  #ended = false

  /** Appends the head at once. */
  constructor(container: ContainerWriter, append: Append, scope: RecordingScope = 'full') {
    this.#scope = scope
    this.#container = container
    this.#append = append
    append([container.head])
  }

  /** Takes relayed bytes; they are copied or sealed before it returns. @param nowUs since the session was opened. */
  data(nowUs: number, channel: number, stream: StreamName, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#tally.data(channel, stream, bytes.length)
    if (this.#scope !== 'full') return
    this.#add(nowUs, classOfStream(stream), stream, channel, bytes)
  }

  /** Takes one event. @throws {RangeError} when its JSON is longer than 4 MiB: no SSH packet can make it. */
  event(nowUs: number, event: SessionEvent): void {
    const json = Buffer.from(JSON.stringify(event))
    if (json.length > EVENT_LIMIT_BYTES) throw new RangeError('event too long to record')
    this.#tally.event(event.channel)
    if (this.#scope === 'metadata') return
    this.#add(nowUs, classOfEvent(event), 'event', event.channel, json)
  }

  /** Plaintext that is not sealed yet, in octets. */
  get unsealedBytes(): number {
    const { output, input, index } = this.#buffers
    return output.length + input.length + index.length
  }

  /** Seals what waits, however short, and frees the buffers. */
  flush(): void {
    this.#seal()
    this.#release()
  }

  /** Seals a chunk of nothing: who reads along sees that the recording goes on. */
  beat(): void {
    this.flush()
    this.#append(this.#container.seal('index', new Uint8Array(0)))
  }

  /** Seals what waits and the last chunk. Idempotent; nothing may be added after it. */
  end(): void {
    if (this.#ended) return
    this.flush()
    this.#append(this.#container.seal('index', new Uint8Array(0), { last: true }))
    this.#ended = true
  }

  /** Forgets keys and what waits, without an end: for a file that cannot be written any more. */
  abandon(): void {
    this.#release()
    this.#container.erase()
    this.#ended = true
  }

  get state(): ContainerState {
    return this.#container.state
  }

  get channels(): readonly ChannelCounts[] {
    return this.#tally.channels
  }

  #add(nowUs: number, place: SealClass, kind: FrameKind, channel: number, bytes: Uint8Array) {
    if (this.#ended) throw new Error('the recording has ended')
    // Times differ, so that a reader can put the classes of one flush back into one order.
    this.#timeUs = Math.max(this.#timeUs + 1, Math.floor(nowUs))
    const buffer = this.#buffers[place]
    let offset = 0
    do {
      if (buffer.room <= 0) this.#seal()
      const payload = bytes.subarray(offset, offset + buffer.room)
      offset += payload.length
      const more = kind === 'event' && offset < bytes.length
      buffer.add({ kind, more, channel, timeUs: this.#timeUs, payload })
    } while (offset < bytes.length)
  }

  #release(): void {
    for (const sealClass of SEAL_CLASSES) this.#buffers[sealClass].release()
  }

  /** All classes at once: order between them holds inside such a group, so a reader waits for three chunks at most. */
  #seal(): void {
    const filled = SEAL_CLASSES.filter((sealClass) => this.#buffers[sealClass].length > 0)
    const lastOfGroup = filled.at(-1)
    for (const sealClass of filled) {
      const plaintext = this.#buffers[sealClass].take()
      const groupEnd = sealClass === lastOfGroup
      this.#append(this.#container.seal(sealClass, plaintext, { groupEnd }))
    }
  }
}
