/** Flows by key, the one longest unused first; bounded. The clock is handed in. */

export type IdleFlow = {
  /** When it was last used, milliseconds. */
  usedAtMs: number
  /** How long it may be unused. */
  readonly idleMs: number
}

export class IdleTable<F extends IdleFlow> {
  readonly #flows = new Map<string, F>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#flows.size
  }

  /** Finds a flow, and notes that it is used. */
  use(key: string, nowMs: number): F | undefined {
    const flow = this.#flows.get(key)
    if (flow === undefined) return undefined
    flow.usedAtMs = nowMs
    this.#flows.delete(key)
    this.#flows.set(key, flow)
    return flow
  }

  /** @returns the flow that had to make room, to be closed. */
  add(key: string, flow: F): F | undefined {
    this.#flows.set(key, flow)
    if (this.#flows.size <= this.#limit) return undefined
    const [oldest] = this.#flows
    if (oldest === undefined) return undefined
    this.#flows.delete(oldest[0])
    return oldest[1]
  }

  /** Forgets this flow, if it still is the one behind its key. */
  remove(key: string, flow: F): boolean {
    return this.#flows.get(key) === flow && this.#flows.delete(key)
  }

  /** Takes out what was unused too long. */
  takeIdle(nowMs: number): readonly F[] {
    const idle = [...this.#flows].filter(([, flow]) => nowMs - flow.usedAtMs >= flow.idleMs)
    for (const [key] of idle) this.#flows.delete(key)
    return idle.map(([, flow]) => flow)
  }

  /** Takes out all. */
  takeAll(): readonly F[] {
    const all = [...this.#flows.values()]
    this.#flows.clear()
    return all
  }
}
