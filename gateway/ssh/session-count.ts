/** How many SSH sessions each user has in each application now. */
export class SessionCount {
  readonly #counts = new Map<string, number>()

  /** @returns how to leave again, or undefined when the limit is reached. */
  enter(userId: string, application: string, limit: number | undefined): (() => void) | undefined {
    const key = JSON.stringify([userId, application])
    const now = this.#counts.get(key) ?? 0
    if (limit !== undefined && now >= limit) return undefined
    this.#counts.set(key, now + 1)
    return () => this.#leave(key)
  }

  #leave(key: string): void {
    const now = this.#counts.get(key) ?? 0
    if (now > 1) this.#counts.set(key, now - 1)
    else this.#counts.delete(key)
  }
}
