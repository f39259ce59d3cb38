/**
 * The last octets of a stream, copied: what came before them is forgotten.
 */
import { concat } from '../seal/bytes.ts'

/** Larger than what any terminal shows. */
const LIMIT_BYTES = 64 * 1024
/** CAN ends a sequence that was cut; the rest begins on a line of its own. */
export const AFTER_GAP = Uint8Array.of(0x18, 0x0d, 0x0a)

export class OutputTail {
  #parts: Uint8Array[] = []
  #length = 0
  #gap = false

  push(bytes: Uint8Array): void {
    const kept = bytes.subarray(-LIMIT_BYTES)
    if (kept.length < bytes.length) this.#forget(this.#parts.length, true)
    this.#parts.push(Uint8Array.from(kept))
    this.#length += kept.length
    let surplus = 0
    let length = this.#length
    while (length > 2 * LIMIT_BYTES) length -= this.#parts[surplus++]?.length ?? 0
    this.#forget(surplus, surplus > 0)
  }

  /** What was kept since the last call: between one and two limits, if so much came. */
  take(): Uint8Array {
    const taken = concat(this.#gap ? [AFTER_GAP, ...this.#parts] : this.#parts)
    this.#forget(this.#parts.length, false)
    this.#gap = false
    return taken
  }

  #forget(count: number, gap: boolean): void {
    for (const part of this.#parts.splice(0, count)) this.#length -= part.length
    this.#gap ||= gap
  }
}
