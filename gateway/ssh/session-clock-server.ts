/** The timers of one session: login grace, new keys from time to time, idleness. */
import { watchIdle } from '../enforce/idle-watch-job.ts'
import type { SshTiming } from './ssh-service-deps.ts'

export type SessionClockHandlers = {
  readonly onLoginTooLong: () => void
  /** Time for new keys. */
  readonly onRekey: () => void
  readonly onIdle: () => void
  /** Nobody moderates, for too long. */
  readonly onUnattended: () => void
  /** The session lasted as long as it may. */
  readonly onSessionOver: () => void
}

/** What the permit says of time, milliseconds; absent is no limit. */
export type SessionTimes = {
  readonly idleTimeoutMs?: number | undefined
  readonly sessionTimeMs?: number | undefined
}

/** Longest delay of a timer; a session that may last longer ends then. */
const LONGEST_MS = 2 ** 31 - 1

export class SessionClock {
  readonly #handlers: SessionClockHandlers
  readonly #timing: SshTiming
  #grace: NodeJS.Timeout | undefined
  #isOver = false
  #sessionTime: NodeJS.Timeout | undefined
  #unattended: NodeJS.Timeout | undefined
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
  loggedIn(passedOctets: () => number, { idleTimeoutMs, sessionTimeMs }: SessionTimes): void {
    clearTimeout(this.#grace)
    if (sessionTimeMs !== undefined) {
      const delayMs = Math.min(sessionTimeMs, LONGEST_MS)
      this.#sessionTime = setTimeout(this.#handlers.onSessionOver, delayMs)
    }
    this.#rekey = setInterval(this.#handlers.onRekey, this.#timing.rekeyAfterMs)
    this.#stopWatching = watchIdle(passedOctets, idleTimeoutMs, this.#handlers.onIdle)
  }

  /** Somebody must come within that time; undefined: somebody is there. */
  awaitModerator(waitMs: number | undefined): void {
    clearTimeout(this.#unattended)
    if (waitMs === undefined || this.#isOver) return
    this.#unattended = setTimeout(this.#handlers.onUnattended, waitMs)
  }

  stop(): void {
    clearTimeout(this.#unattended)
    this.#isOver = true
    clearTimeout(this.#grace)
    clearTimeout(this.#sessionTime)
    clearInterval(this.#rekey)
    this.#stopWatching()
  }
}
