/** Who is with a moderated session: what its user sends passes only while somebody is. */

/** As others see it. */
export type ModeratedSession = {
  /** Never a moderator of the own session. */
  readonly userId: string
  readonly isAttended: boolean
  /** A moderator is there. @returns what says that this one has left, which may be called again. */
  join(): () => void
}

export class Moderation implements ModeratedSession {
  readonly userId: string
  readonly #present = new Set<object>()
  #onChange: (isAttended: boolean) => void = () => undefined

  constructor(userId: string) {
    this.userId = userId
  }

  get isAttended(): boolean {
    return this.#present.size > 0
  }

  /** @param listener told now, and when the first has come or the last has left. */
  watch(listener: (isAttended: boolean) => void): void {
    this.#onChange = listener
    listener(this.isAttended)
  }

  join(): () => void {
    const presence = {}
    this.#present.add(presence)
    if (this.#present.size === 1) this.#onChange(true)
    return () => {
      if (this.#present.delete(presence) && !this.isAttended) this.#onChange(false)
    }
  }
}
