/** The timers of one session: login grace, new keys from time to time, idleness. */
import { watchIdle } from '../enforce/idle-watch-job.ts'
import type { SshTiming } from './ssh-service-deps.ts'

export type SessionClockHandlers = {
  readonly onLoginTooLong: () => void
  /** Time for new keys. */
  readonly onRekey: () => void
  readonly onIdle: () => void
}

export class SessionClock {
  readonly #handlers: SessionClockHandlers
  readonly #timing: SshTiming
  #grace: NodeJS.Timeout | undefined
  #isOver = false
  #rekey: NodeJS.Timeout | undefined
  #stopWatching = (): void => undefined

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
    this.#rekey = setInterval(this.#handlers.onRekey, this.#timing.rekeyAfterMs)
    this.#stopWatching = watchIdle(passedOctets, idleTimeoutMs, this.#handlers.onIdle)
  }

  stop(): void {
    this.#isOver = true
    clearTimeout(this.#grace)
    clearInterval(this.#rekey)
    this.#stopWatching()
  }
}
