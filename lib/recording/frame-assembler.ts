/**
 * Puts opened chunks back into one timeline: joins split events, merges the classes of one flush.
 * Memory: the chunks of one group, and one event per class.
 */
import { err, ok, type Result } from '#lib/result'
import { concat } from '../seal/bytes.ts'
import type { SealClass } from '../seal/container-format.ts'
import { classOfEvent, parseEvent } from './event-schema.ts'
import {
  classOfStream,
  EVENT_LIMIT_BYTES,
  type Frame,
  parseFrames,
  type RawFrame,
} from './frame.ts'

/** An authentic chunk that no writer of ours makes. */
export type FrameError = { readonly reason: 'bad_frame' }

const BAD: FrameError = { reason: 'bad_frame' }

export class FrameAssembler {
  #group: Frame[] = []
  #groupClasses: SealClass[] = []
  #timeUs = 0
  readonly #halves: Record<SealClass, Uint8Array[]> = { output: [], input: [], index: [] }

  /**
   * Takes the next chunk of the file.
   * @param plaintext undefined for a chunk that the keys do not open.
   * @returns the frames that have their place now, in order of time.
   */
  add(
    chunk: { readonly sealClass: SealClass; readonly groupEnd: boolean },
    plaintext: Uint8Array | undefined,
  ): Result<readonly Frame[], FrameError> {
    if (this.#groupClasses.includes(chunk.sealClass)) return err(BAD)
    this.#groupClasses.push(chunk.sealClass)
    const raw = parseFrames(plaintext ?? new Uint8Array(0))
    if (!raw.ok) return raw
    for (const frame of raw.value) {
      const read = this.#read(chunk.sealClass, frame)
      if (!read) return err(BAD)
      if (read !== 'half') this.#group.push(read)
    }
    return chunk.groupEnd ? this.#close() : ok([])
  }

  /** The frames of a group whose end was lost. */
  end(): Result<readonly Frame[], FrameError> {
    return this.#close()
  }

  #close(): Result<readonly Frame[], FrameError> {
    const frames = this.#group.sort((a, b) => a.timeUs - b.timeUs)
    this.#group = []
    this.#groupClasses = []
    if ((frames[0]?.timeUs ?? this.#timeUs) < this.#timeUs) return err(BAD)
    this.#timeUs = frames.at(-1)?.timeUs ?? this.#timeUs
    return ok(frames)
  }

  #read(sealClass: SealClass, raw: RawFrame): Frame | 'half' | undefined {
    const halves = this.#halves[sealClass]
    if (raw.kind !== 'event') {
      if (classOfStream(raw.kind) !== sealClass || halves.length > 0) return undefined
      const { timeUs, channel, kind: stream, payload: bytes } = raw
      return { timeUs, channel, stream, bytes }
    }
    halves.push(raw.payload)
    if (halves.reduce((sum, half) => sum + half.length, 0) > EVENT_LIMIT_BYTES) return undefined
    if (raw.more) return 'half'
    this.#halves[sealClass] = []
    const event = parseEvent(concat(halves))
    if (!event || classOfEvent(event) !== sealClass) return undefined
    return event.channel === raw.channel ? { timeUs: raw.timeUs, event } : undefined
  }
}
