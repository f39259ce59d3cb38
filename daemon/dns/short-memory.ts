/** Answers kept for seconds, and one question under way at a time for each key. Bounded in entries. */

/** What was found, and for how long it holds. */
export type Found<T> = { readonly value: T; readonly ttlMs: number }

/** Entries that are kept; the oldest goes first. */
const MOST_ENTRIES = 4096

export class ShortMemory<T> {
  readonly #now: () => number
  readonly #mostWaiting: number
  readonly #kept = new Map<string, { readonly value: T; readonly untilMs: number }>()
  readonly #underWay = new Map<string, Promise<T>>()
  /** Counts what was forgotten: an answer to an earlier question is not kept. */
  #age = 0

  /** @param mostWaiting questions under way at once. */
  constructor(now: () => number, mostWaiting: number) {
    this.#now = now
    this.#mostWaiting = mostWaiting
  }

  /** What is known of a key now. */
  find(key: string): T | undefined {
    const kept = this.#kept.get(key)
    return kept !== undefined && this.#now() < kept.untilMs ? kept.value : undefined
  }

  /**
   * Asks, or waits with those who asked before; undefined: too many questions are under way.
   * @param ask has its own deadline.
   */
  async ask(key: string, ask: () => Promise<Found<T>>): Promise<T | undefined> {
    const before = this.#underWay.get(key)
    if (before !== undefined) return before
    if (this.#underWay.size >= this.#mostWaiting) return undefined
    // Known to be under way before it begins: what it sets off may ask the same.
    const asked = Promise.resolve().then(() => this.#asked(key, ask))
    this.#underWay.set(key, asked)
    return asked
  }

  /** Forgets all answers. */
  clear(): void {
    this.#age++
    this.#kept.clear()
    this.#underWay.clear()
  }

  async #asked(key: string, ask: () => Promise<Found<T>>): Promise<T> {
    const age = this.#age
    try {
      const { value, ttlMs } = await ask()
      if (age === this.#age && ttlMs > 0) this.#keep(key, value, this.#now() + ttlMs)
      return value
    } finally {
      if (age === this.#age) this.#underWay.delete(key)
    }
  }

  #keep(key: string, value: T, untilMs: number): void {
    this.#kept.delete(key)
    const oldest = this.#kept.size < MOST_ENTRIES ? undefined : this.#kept.keys().next().value
    if (oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(key, { value, untilMs })
  }
}
