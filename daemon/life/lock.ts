/**
 * The lock of a device: whether its user may switch the tunnel off, and codes that lift it for a while. Pure.
 */
import { type OverrideRefusal, readOverrideCode } from '#lib/enrol/override-code'
import { elapsedMs, type Moment } from '#lib/moment'
import { err, ok, type Result } from '#lib/result'

/** The lock is lifted: since when, and for how long. The clocks of this machine cannot prolong it. */
export type Lifted = { readonly from: Moment; readonly forMs: number }

/** The same for another run of the daemon: `from` is by clocks of one boot of the machine. */
export type KeptLift = Lifted & { readonly bootId: string }

/** What is remembered of codes. */
export type LockState = {
  readonly lifted?: Lifted
  /** When wrong codes were typed. */
  readonly guesses: readonly Moment[]
}

/** What a code is held against. */
export type LockFacts = {
  readonly key: Uint8Array
  readonly deviceId: string
  /** Codes that were taken before, newest last. */
  readonly used: readonly string[]
}

export type CodeRefusal = OverrideRefusal | { readonly reason: 'code_used' | 'too_many_guesses' }

export const NO_CODES: LockState = { guesses: [] }
/** Wrong codes in `GUESS_WINDOW_MS`, whatever is typed then. */
const GUESS_LIMIT = 5
const GUESS_WINDOW_MS = 600_000
/** More than an administrator gives out while one of them is still good. */
export const USED_CODES_LIMIT = 64

/** Whether the lock is lifted now. */
export function isLifted({ lifted }: Pick<LockState, 'lifted'>, now: Moment): boolean {
  return lifted !== undefined && elapsedMs(lifted.from, now) < lifted.forMs
}

/**
 * What another run of the daemon left in force.
 * @param bootId of the machine now; where it is not known, or another, nothing is left.
 */
export function stillLifted(
  kept: KeptLift | undefined,
  bootId: string | undefined,
  now: Moment,
): Pick<LockState, 'lifted'> {
  if (kept === undefined || bootId === undefined || kept.bootId !== bootId) return {}
  const { from, forMs } = kept
  // A clock that only goes forward is not before its own past.
  const isOfPast = from.steadyMs <= now.steadyMs
  return isOfPast && isLifted({ lifted: kept }, now) ? { lifted: { from, forMs } } : {}
}

/** Tries a code. @returns the next state; with it the code to remember, or why it lifts nothing. */
export function tryCode(
  state: LockState,
  { key, deviceId, used }: LockFacts,
  typed: string,
  now: Moment,
): { readonly state: LockState; readonly outcome: Result<{ readonly code: string }, CodeRefusal> } {
  const guesses = state.guesses.filter((guess) => elapsedMs(guess, now) < GUESS_WINDOW_MS)
  if (guesses.length >= GUESS_LIMIT) {
    return { state: { ...state, guesses }, outcome: err({ reason: 'too_many_guesses' }) }
  }
  const read = readOverrideCode(key, deviceId, typed, now.wallMs)
  if (!read.ok) return { state: { ...state, guesses: [...guesses, now] }, outcome: read }
  const { code, endsAtMs } = read.value
  if (used.includes(code)) {
    return { state: { ...state, guesses }, outcome: err({ reason: 'code_used' }) }
  }
  const lifted = { from: now, forMs: endsAtMs - now.wallMs }
  return { state: { guesses, lifted }, outcome: ok({ code }) }
}
