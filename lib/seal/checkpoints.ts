/**
 * A bounded sample of a hash chain, so that a verifier without a key can say where a long file was changed.
 */

/** At most this many values are kept; about 22 KiB in a manifest. */
const LIMIT = 256

/** `chain[i]` is the value after chunk number `(i + 1) * every - 1`. */
export type Checkpoints = { readonly every: number; readonly chain: readonly string[] }

/** Keeps each value of a short chain, then each second, each fourth… */
export class CheckpointSampler {
  #every = 1
  #chain: string[] = []

  /** @param count chunks so far, this one included. @param value is only called when it is kept. */
  add(count: number, value: () => string): void {
    if (count % this.#every !== 0) return
    this.#chain.push(value())
    if (this.#chain.length < LIMIT) return
    this.#chain = this.#chain.filter((_, index) => index % 2 === 1)
    this.#every *= 2
  }

  get value(): Checkpoints {
    return { every: this.#every, chain: [...this.#chain] }
  }
}
