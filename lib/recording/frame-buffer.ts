/**
 * Frames of one class that wait to be sealed: at most one chunk of them.
 */
import { CHUNK_LIMIT_BYTES } from '../seal/container-format.ts'
import { FRAME_HEAD_BYTES, type RawFrame, writeFrameHead } from './frame.ts'

/** An idle session holds no buffer; a quiet one holds a small one. */
const FIRST_SIZE_BYTES = 4096

export class FrameBuffer {
  #buffer: Buffer = Buffer.alloc(0)
  #used = 0

  /** Plaintext that waits, frame heads included. */
  get length(): number {
    return this.#used
  }

  /** Payload that one more frame can take; 0 or less: seal first. */
  get room(): number {
    return CHUNK_LIMIT_BYTES - this.#used - FRAME_HEAD_BYTES
  }

  /** Copies a frame in; the caller has looked at `room`. */
  add(frame: RawFrame): void {
    const end = this.#used + FRAME_HEAD_BYTES + frame.payload.length
    if (end > this.#buffer.length) this.#grow(end)
    writeFrameHead(this.#buffer, this.#used, frame, frame.payload.length)
    this.#buffer.set(frame.payload, this.#used + FRAME_HEAD_BYTES)
    this.#used = end
  }

  /** The frames, valid until the next `add`. */
  take(): Uint8Array {
    const taken = this.#buffer.subarray(0, this.#used)
    this.#used = 0
    return taken
  }

  /** Overwrites and frees the memory: it held plaintext. */
  release(): void {
    this.#buffer.fill(0)
    this.#buffer = Buffer.alloc(0)
    this.#used = 0
  }

  #grow(neededBytes: number): void {
    const wanted = Math.max(neededBytes, this.#buffer.length * 4, FIRST_SIZE_BYTES)
    const grown = Buffer.allocUnsafeSlow(Math.min(wanted, CHUNK_LIMIT_BYTES))
    this.#buffer.copy(grown, 0, 0, this.#used)
    this.#buffer.fill(0)
    this.#buffer = grown
  }
}
