/**
 * When a line of a policy counts: on some days of the week, between two times of the wall clock in a time zone, until it
 * expires. The wall clock follows the zone's daylight saving: a time that comes twice counts twice, one that is left out
 * does not count.
 */
import type { Moment } from './moment.ts'

/** Days of the week from Sunday, as the calendar counts them. */
export const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const

export type Schedule = {
  readonly days: readonly (typeof DAYS)[number][]
  /** Minutes of the day; from not before to: over midnight, into the day after one of `days`. */
  readonly fromMinutes: number
  readonly toMinutes: number
  /** Name in the IANA time zone database. */
  readonly timeZone: string
}

/** What bounds a line in time. */
export type Timing = { readonly schedule?: Schedule; readonly expiresAtSeconds?: number }

/** Whether a line counts at a moment; lowers how long that holds. */
export type CompiledTiming = (moment: Moment) => 'counts' | 'not_scheduled' | 'expired'

const MINUTE = 60
const DAY = 86_400
/** Longest time after which a weekly schedule has been through all that it has. */
const SEARCH = 9 * DAY

type Span = { readonly since: number; readonly until: number; readonly isActive: boolean }

/** Compiles what bounds a line; undefined when nothing does. */
export function compileTiming({ schedule, expiresAtSeconds }: Timing): CompiledTiming | undefined {
  if (schedule === undefined && expiresAtSeconds === undefined) return undefined
  const spanAt = schedule && compileSchedule(schedule)
  const expiresAt = expiresAtSeconds ?? Number.POSITIVE_INFINITY
  return (moment) => {
    if (expiresAt <= moment.nowSeconds) return 'expired'
    const span = spanAt?.(moment.nowSeconds)
    const until = Math.min(expiresAt, span?.until ?? Number.POSITIVE_INFINITY)
    moment.validUntilSeconds = Math.min(moment.validUntilSeconds, until)
    return span?.isActive === false ? 'not_scheduled' : 'counts'
  }
}

/** @returns whether the schedule is active at a time, Unix seconds, and until when exactly that stays so. */
export function compileSchedule(schedule: Schedule): (nowSeconds: number) => Span {
  const offsetAt = zoneOffsets(schedule.timeZone)
  const isActiveAt = (at: number) => isActive(schedule, at + offsetAt(at))
  let known: Span = { since: 0, until: 0, isActive: false }

  function change(now: number): number {
    const before = isActiveAt(now)
    for (let at = now; at < now + SEARCH; ) {
      at = nextStep(schedule, at, offsetAt)
      if (isActiveAt(at) !== before) return at
    }
    return Number.POSITIVE_INFINITY
  }

  return (now) => {
    if (now < known.since || now >= known.until) {
      known = { since: now, until: change(now), isActive: isActiveAt(now) }
    }
    return known
  }
}

/** @param local seconds of the wall clock since 1970. */
function isActive({ days, fromMinutes, toMinutes }: Schedule, local: number): boolean {
  const day = Math.floor(local / DAY)
  const time = local - day * DAY
  const isOn = (of: number) => days.includes(dayOfWeek(of))
  const [from, to] = [fromMinutes * MINUTE, toMinutes * MINUTE]
  if (from < to) return isOn(day) && time >= from && time < to
  return (isOn(day) && time >= from) || (isOn(day - 1) && time < to)
}

/** The first of January 1970 was a Thursday. */
function dayOfWeek(day: number): (typeof DAYS)[number] {
  return DAYS[(((day + 4) % 7) + 7) % 7] ?? 'sun'
}

/** The next time at which the schedule, the day or the zone's offset may change. */
function nextStep(
  { fromMinutes, toMinutes }: Schedule,
  at: number,
  offsetAt: (at: number) => number,
): number {
  const offset = offsetAt(at)
  const local = at + offset
  const midnight = Math.floor(local / DAY) * DAY
  const steps = [fromMinutes * MINUTE, toMinutes * MINUTE, DAY].map((one) => midnight + one)
  const next = Math.min(...steps.filter((one) => one > local)) - offset
  return offsetAt(next) === offset ? next : changeOfOffset(at, next, offsetAt)
}

/** First second of (`from`, `to`] with another offset than at `from`. */
function changeOfOffset(from: number, to: number, offsetAt: (at: number) => number): number {
  const offset = offsetAt(from)
  let [before, after] = [Math.floor(from), Math.ceil(to)]
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (offsetAt(middle) === offset) before = middle
    else after = middle
  }
  return after
}

/** @returns seconds by which the wall clock of a zone is ahead of UTC at a time. */
function zoneOffsets(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
  return (at) => {
    const parts = format.formatToParts(at * 1000)
    const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
    const [, sign, hours, minutes, seconds = '0'] =
      /^GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(name) ?? []
    if (sign === undefined) return 0
    const ahead = Number(hours) * 3600 + Number(minutes) * MINUTE + Number(seconds)
    return sign === '-' ? -ahead : ahead
  }
}
