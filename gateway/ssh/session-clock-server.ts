/** The timers of one session: login grace, new keys from time to time, idleness. */
import type { SshTiming } from './ssh-service-deps.ts'

export type SessionClockHandlers = {
  readonly onLoginTooLong: () => void
  /** Time for new keys. */
  readonly onRekey: () => void
  readonly onIdle: () => void
}

/** An idle time-out is looked at this many times within its length. */
const IDLE_LOOKS = 8

export class SessionClock {
  readonly #handlers: SessionClockHandlers
  readonly #timing: SshTiming
  #grace: NodeJS.Timeout | undefined
  #isOver = false
  readonly #intervals: NodeJS.Timeout[] = []

  constructor(timing: SshTiming, handlers: SessionClockHandlers) {
    this.#timing = timing
    this.#handlers = handlers
    this.resumeGrace()
  }

  /** Somebody has to do something elsewhere, which has a time of its own. */
  pauseGrace(): void {
    clearTimeout(this.#grace)
  }

  /** The whole grace, from now on. */
  resumeGrace(): void {
    clearTimeout(this.#grace)
    if (this.#isOver) return
    this.#grace = setTimeout(this.#handlers.onLoginTooLong, this.#timing.loginGraceMs)
  }

  /** The user is in. @param passedOctets what passed so far; a session in which it stands still is idle. */
  loggedIn(passedOctets: () => number, idleTimeoutMs: number | undefined): void {
    clearTimeout(this.#grace)
    this.#intervals.push(setInterval(this.#handlers.onRekey, this.#timing.rekeyAfterMs))
    if (idleTimeoutMs !== undefined) this.#watchIdle(passedOctets, idleTimeoutMs)
  }

  stop(): void {
    this.#isOver = true
    clearTimeout(this.#grace)
    for (const interval of this.#intervals) clearInterval(interval)
  }

  #watchIdle(passedOctets: () => number, idleTimeoutMs: number): void {
    let before = -1
    let quietLooks = 0
    const look = (): void => {
      const now = passedOctets()
      quietLooks = now === before ? quietLooks + 1 : 0
      before = now
      if (quietLooks >= IDLE_LOOKS) this.#handlers.onIdle()
    }
    this.#intervals.push(setInterval(look, idleTimeoutMs / IDLE_LOOKS))
  }
}
