/** The lock of this device, with its clocks: what codes lift it, and that it closes again. */
import type { Log } from '#lib/log'
import type { Moment } from '#lib/moment'
import { ok, type Result } from '#lib/result'
import type { Registration } from '../enrol/registration.ts'
import {
  type CodeRefusal,
  isLifted,
  type KeptLift,
  type LockState,
  NO_CODES,
  stillLifted,
  tryCode,
  USED_CODES_LIMIT,
} from './lock.ts'

export type LockDeps = {
  readonly registration: () => Registration | undefined
  /** Keeps the codes that were used, none of which may be forgotten, and the lift. @throws {Error} when it cannot be written. */
  readonly keep: (used: Required<Pick<Registration, 'usedCodes'>> & { lifted?: KeptLift }) => void
  /** The lock holds again: what the user switched off meanwhile has to come back. */
  readonly onClosed: () => void
  /** By clocks that count since the machine was booted. */
  readonly now: () => Moment
  /** Tells one boot of the machine from another; undefined where nothing does. */
  readonly bootId: string | undefined
  readonly log: Log
}

export interface Lock {
  /** Whether the user may not switch the tunnel off now. */
  readonly holds: boolean
  /** Until when it is lifted, Unix milliseconds. */
  readonly liftedUntilMs: number | undefined
  /** A registration is lived from: takes up what an earlier run of the daemon left in force. */
  resume(): void
  lift(code: string): Result<void, CodeRefusal | { readonly reason: 'not_locked' }>
  /** To be called after a sleep, in which timers stand still. */
  look(): void
  stop(): void
}

export function createLock({ registration, keep, onClosed, now, bootId, log }: LockDeps): Lock {
  let state: LockState = NO_CODES
  let timer: NodeJS.Timeout | undefined
  const lockOf = () => registration()?.settings?.lock

  function look(): void {
    clearTimeout(timer)
    if (state.lifted === undefined) return
    if (isLifted(state, now())) {
      timer = setTimeout(look, LOOK_MS)
      return
    }
    state = { guesses: state.guesses }
    log.info({}, 'the lock holds again')
    if (lockOf() !== undefined) onClosed()
  }

  return {
    get holds() {
      return lockOf() !== undefined && !isLifted(state, now())
    },
    get liftedUntilMs() {
      if (!isLifted(state, now()) || state.lifted === undefined) return undefined
      return state.lifted.from.wallMs + state.lifted.forMs
    },
    resume() {
      state = { guesses: state.guesses, ...stillLifted(registration()?.lifted, bootId, now()) }
      look()
    },
    lift(typed) {
      const registered = registration()
      const lock = registered?.settings?.lock
      if (registered === undefined || lock === undefined) return NOT_LOCKED
      const used = registered.usedCodes ?? []
      const key = Buffer.from(lock.overrideKey, 'base64url')
      const { deviceId } = registered
      const tried = tryCode(state, { key, deviceId, used }, typed, now())
      if (tried.outcome.ok) {
        const usedCodes = [...used, tried.outcome.value.code].slice(-USED_CODES_LIMIT)
        const { lifted } = tried.state
        keep({ usedCodes, ...(bootId && lifted && { lifted: { bootId, ...lifted } }) })
        log.warn({}, 'the lock is lifted by a code')
      } else log.warn({ reason: tried.outcome.error.reason }, 'override code refused')
      state = tried.state
      look()
      return tried.outcome.ok ? ok(undefined) : tried.outcome
    },
    look,
    stop: () => clearTimeout(timer),
  }
}

/** A code ends with a minute; a timer may be late by a sleep. */
const LOOK_MS = 1_000
const NOT_LOCKED = { ok: false, error: { reason: 'not_locked' } } as const
