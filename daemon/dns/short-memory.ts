/** Answers kept for seconds, and one question under way at a time for each key. Bounded in entries. */

/** What was found, and for how long it holds. A failure does not replace what is known and still holds. */
export type Found<T> = {
  readonly value: T
  readonly ttlMs: number
  readonly isFailure?: boolean
}

type Kept<T> = { readonly value: T; readonly untilMs: number; renewAtMs: number }

/** Entries that are kept; the oldest goes first. */
const MOST_ENTRIES = 4096
/** After this part of its life an entry that is looked for is asked anew. */
const FRESH_PART = 1 / 2

export class ShortMemory<T> {
  readonly #now: () => number
  readonly #mostWaiting: number
  readonly #kept = new Map<string, Kept<T>>()
  readonly #underWay = new Map<string, Promise<T>>()
  /** Counts what was forgotten: an answer to an earlier question is not kept. */
  #age = 0

  /** @param mostWaiting questions under way at once. */
  constructor(now: () => number, mostWaiting: number) {
    this.#now = now
    this.#mostWaiting = mostWaiting
  }

  /**
   * What is known of a key now. Late in its life it is asked anew meanwhile: who asks often never waits.
   * @param renew as for `ask`.
   */
  find(key: string, renew: () => Promise<Found<T>>): T | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined || this.#now() >= kept.untilMs) return undefined
    // What goes wrong is met again by who asks once this is over.
    if (this.#now() >= kept.renewAtMs) this.ask(key, renew).catch(() => undefined)
    return kept.value
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
      const found = await ask()
      if (age === this.#age && found.ttlMs > 0) this.#keep(key, found)
      return found.value
    } finally {
      if (age === this.#age) this.#underWay.delete(key)
    }
  }

  #keep(key: string, { value, ttlMs, isFailure = false }: Found<T>): void {
    const now = this.#now()
    const before = this.#kept.get(key)
    if (isFailure && before !== undefined && now < before.untilMs) {
      before.renewAtMs = now + ttlMs
      return
    }
    this.#kept.delete(key)
    const oldest = this.#kept.size < MOST_ENTRIES ? undefined : this.#kept.keys().next().value
    if (oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(key, { value, untilMs: now + ttlMs, renewAtMs: now + ttlMs * FRESH_PART })
  }
}
