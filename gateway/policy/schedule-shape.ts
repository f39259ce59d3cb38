/**
 * Schedules and expiry as policy writes them. The tables also make the reference page.
 */
import { defaulted, list, mapping, optional, type ValueOf } from '#lib/config/mapping-shape'
import { quote } from '#lib/config/mistake'
import { checked, mapped, oneOf, type Shape, text } from '#lib/config/shape'
import { DAYS, type Schedule, type Timing } from './schedule.ts'

const TIME = /^([01][0-9]|2[0-3]):([0-5][0-9])$|^(24):(00)$/
/** RFC 3339, the offset included: a time without one is not the same everywhere. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/

const timeOfDay: Shape<number> = text('a time such as "08:00"', (value) => {
  const [, hours, minutes, midnight] = TIME.exec(value) ?? []
  if (midnight !== undefined) return { value: 24 * 60 }
  if (hours === undefined) return { wrong: `${quote(value)} is not a time from "00:00" to "24:00"` }
  return { value: Number(hours) * 60 + Number(minutes) }
})

const timeZone: Shape<string> = text('a time zone such as Europe/Berlin', (value) => {
  try {
    return {
      value: new Intl.DateTimeFormat('en-US', { timeZone: value }).resolvedOptions().timeZone,
    }
  } catch {
    return { wrong: `${quote(value)} is not a time zone; write for example Europe/Berlin or UTC` }
  }
})

export const instant: Shape<number> = text('a time such as "2026-12-31T00:00:00Z"', (value) => {
  const ms = INSTANT.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(ms))
    return { wrong: `${quote(value)} is not a time of RFC 3339 with its offset` }
  return { value: ms / 1000 }
})

const scheduleFields = {
  days: defaulted(
    list(oneOf(...DAYS), { kind: 'a list of days such as [mon, tue]', min: 1 }),
    'Days on which it begins.',
    DAYS,
    'every day',
  ),
  from: defaulted(timeOfDay, 'From this time of the wall clock on.', 0, '00:00'),
  to: defaulted(
    timeOfDay,
    'Until this time; one that is not after `from` is of the next day.',
    24 * 60,
    '24:00',
  ),
  time_zone: defaulted(timeZone, 'Whose wall clock; daylight saving is followed.', 'UTC', 'UTC'),
} as const

const schedule: Shape<Schedule> = mapped(
  checked(mapping(scheduleFields, 'a schedule'), ({ from, to }, path) =>
    from === to || from === 24 * 60
      ? [{ path, message: 'the schedule is never, or always; give "from" and "to" that differ' }]
      : [],
  ),
  ({ days, from, to, time_zone }) => ({
    days,
    fromMinutes: from,
    toMinutes: to,
    timeZone: time_zone,
  }),
)

/** Keys of what is bounded in time. */
export const timingFields = {
  schedule: optional(schedule, 'Counts only then.'),
  expires: optional(instant, 'From this time on the line is as if it were not written.'),
} as const

/** The bounds, as the document has them, and the rest of what was written. */
export function splitTiming<T extends ValueOf<typeof timingFields>>(written: T) {
  const { schedule: when, expires, ...rest } = written
  const timing: Timing = {
    ...(when !== undefined && { schedule: when }),
    ...(expires !== undefined && { expiresAtSeconds: expires }),
  }
  return { timing, rest }
}
