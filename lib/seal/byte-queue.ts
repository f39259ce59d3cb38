/**
 * Octets that arrived in any split, taken in the sizes the format wants.
 */
import { concat } from './bytes.ts'

export class ByteQueue {
  #parts: Uint8Array[] = []
  #length = 0

  /** Octets that wait. */
  get length(): number {
    return this.#length
  }

  /** Keeps `bytes` without a copy: the caller must not change them. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#parts.push(bytes)
    this.#length += bytes.length
  }

  /** Takes `size` octets from the front, or nothing when fewer wait. */
  take(size: number): Uint8Array | undefined {
    if (this.#length < size) return undefined
    const taken: Uint8Array[] = []
    let missing = size
    while (missing > 0) {
      const part = this.#parts.shift() ?? new Uint8Array(0)
      taken.push(part.subarray(0, missing))
      if (part.length > missing) this.#parts.unshift(part.subarray(missing))
      missing -= Math.min(missing, part.length)
    }
    this.#length -= size
    const [only] = taken
    return taken.length === 1 && only ? only : concat(taken)
  }
}
