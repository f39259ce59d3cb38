import test from 'ava'
import fc from 'fast-check'
import { evaluate } from '../../../gateway/policy/evaluate.ts'
import type { Reason } from '../../../gateway/policy/reasons.ts'
import { compileSchedule, DAYS, type Schedule } from '../../../gateway/policy/schedule.ts'
import { countsAt } from '../../support/naive-policy.ts'
import { everyone, factsOf, policyOf } from '../../support/policy-builder.ts'

const RUNS = process.env['ZT_FULL'] ? 2000 : 100
const at = (text: string) => Date.parse(text) / 1000
const BERLIN = 'Europe/Berlin'
const office: Schedule = {
  days: ['mon', 'tue', 'wed', 'thu', 'fri'],
  fromMinutes: 8 * 60,
  toMinutes: 18 * 60,
  timeZone: BERLIN,
}
const everyDay = (from: number, to: number, timeZone = BERLIN): Schedule => ({
  days: DAYS,
  fromMinutes: from,
  toMinutes: to,
  timeZone,
})

type Case = readonly [schedule: Schedule, now: string, isActive: boolean, until: string]

const cases: Readonly<Record<string, Case>> = {
  'in the office hours of winter': [office, '2027-01-15T07:00:00Z', true, '2027-01-15T17:00:00Z'],
  'a second before they begin': [office, '2027-01-15T06:59:59Z', false, '2027-01-15T07:00:00Z'],
  'at their end': [office, '2027-01-15T17:00:00Z', false, '2027-01-18T07:00:00Z'],
  'in summer, an hour earlier in UTC': [
    office,
    '2027-07-15T06:00:00Z',
    true,
    '2027-07-15T16:00:00Z',
  ],
  'over the weekend on which summer begins': [
    office,
    '2027-03-27T12:00:00Z',
    false,
    '2027-03-29T06:00:00Z',
  ],
  'over the weekend on which summer ends': [
    office,
    '2027-10-30T12:00:00Z',
    false,
    '2027-11-01T07:00:00Z',
  ],
  'over midnight': [
    { ...office, days: ['fri'], fromMinutes: 22 * 60, toMinutes: 6 * 60 },
    '2027-01-16T04:00:00Z',
    true,
    '2027-01-16T05:00:00Z',
  ],
  'over midnight, not on the day after': [
    { ...office, days: ['fri'], fromMinutes: 22 * 60, toMinutes: 6 * 60 },
    '2027-01-15T04:00:00Z',
    false,
    '2027-01-15T21:00:00Z',
  ],
  'a time that is left out does not count': [
    everyDay(120, 180),
    '2027-03-28T00:59:59Z',
    false,
    '2027-03-29T00:00:00Z',
  ],
  'a window that reaches into what is left out ends there': [
    everyDay(60, 150),
    '2027-03-28T00:30:00Z',
    true,
    '2027-03-28T01:00:00Z',
  ],
  'a time that comes twice counts twice: first': [
    everyDay(120, 150),
    '2027-10-31T00:00:00Z',
    true,
    '2027-10-31T00:30:00Z',
  ],
  'a time that comes twice counts twice: again': [
    everyDay(120, 150),
    '2027-10-31T00:30:00Z',
    false,
    '2027-10-31T01:00:00Z',
  ],
  'an offset that is no whole hour': [
    everyDay(8 * 60, 18 * 60, 'Asia/Kathmandu'),
    '2027-01-15T02:15:00Z',
    true,
    '2027-01-15T12:15:00Z',
  ],
}

for (const [name, [schedule, now, isActive, until]] of Object.entries(cases)) {
  test(`G1: a schedule ${name}`, (t) => {
    const found = compileSchedule(schedule)(at(now))
    t.is(found.isActive, isActive)
    t.is(new Date(found.until * 1000).toISOString(), new Date(until).toISOString())
  })
}

test('G1: what is always active has no end', (t) => {
  t.like(compileSchedule(everyDay(0, 1440))(at('2027-01-15T02:15:00Z')), {
    isActive: true,
    until: Number.POSITIVE_INFINITY,
  })
})

const anySchedule = fc
  .record({
    days: fc.subarray([...DAYS], { minLength: 1 }),
    fromMinutes: fc.integer({ min: 0, max: 1439 }),
    toMinutes: fc.integer({ min: 0, max: 1440 }),
    timeZone: fc.constantFrom('UTC', BERLIN, 'America/New_York', 'Australia/Lord_Howe'),
  })
  .filter(({ fromMinutes, toMinutes }) => fromMinutes !== toMinutes)
const anyTime = fc.oneof(
  fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2028-01-01T00:00:00Z') }),
  fc.integer({ min: at('2027-03-27T00:00:00Z'), max: at('2027-03-29T00:00:00Z') }),
  fc.integer({ min: at('2027-10-30T00:00:00Z'), max: at('2027-11-01T00:00:00Z') }),
)

test('G1: a schedule means what the wall clock says, and its end is exact', (t) => {
  const same = fc.property(anySchedule, anyTime, (schedule, now) => {
    const counts = (seconds: number) => countsAt({ schedule }, seconds)
    const { isActive, until } = compileSchedule(schedule)(now)
    if (isActive !== counts(now)) return false
    if (until === Number.POSITIVE_INFINITY) return true
    const between = [0.1, 0.3, 0.5, 0.7, 0.9].map((part) => Math.floor(now + part * (until - now)))
    return (
      [...between, until - 1].every((one) => counts(one) === isActive) && counts(until) !== isActive
    )
  })
  t.notThrows(() => fc.assert(same, { numRuns: RUNS }))
})

test('G1: what was found before does not hold for another time', (t) => {
  const schedule = compileSchedule(office)
  t.true(schedule(at('2027-01-15T08:00:00Z')).isActive)
  t.false(schedule(at('2027-01-16T08:00:00Z')).isActive)
  t.false(schedule(at('2027-01-15T06:00:00Z')).isActive)
})

const during = { schedule: { days: ['fri'], from: '08:00', to: '18:00', time_zone: BERLIN } }
const until = { expires: '2027-01-15T12:00:00+01:00' }
const withPolicy = (policy: object) => ({
  applications: [
    {
      name: 'a',
      destinations: ['w.corp:443'],
      policies: [{ name: 'p', decision: 'allow', include: everyone, ...policy }],
    },
  ],
})
const withRule = (rule: object) => ({
  network_rules: [
    { name: 'r', precedence: 1, destinations: ['w.corp:443'], include: everyone, ...rule },
  ],
})
const open = withPolicy({})
const FRIDAY = '2027-01-15T08:00:00Z'
const SATURDAY = '2027-01-16T08:00:00Z'

type Timed = readonly [
  policy: object,
  before: readonly [now: string, reason: Reason, validUntil?: string],
  after: readonly [now: string, reason: Reason, validUntil?: string],
]
const timed: Readonly<Record<string, Timed>> = {
  'an allow with a schedule': [
    withPolicy(during),
    [FRIDAY, 'allowed_by_policy', '2027-01-15T17:00:00Z'],
    [SATURDAY, 'no_policy_matched', '2027-01-22T07:00:00Z'],
  ],
  'a deny with a schedule': [
    {
      applications: [
        {
          ...open.applications[0],
          policies: [
            { name: 'not-now', decision: 'deny', include: everyone, ...during },
            { name: 'p', decision: 'allow', include: everyone },
          ],
        },
      ],
    },
    [FRIDAY, 'denied_by_policy', '2027-01-15T17:00:00Z'],
    [SATURDAY, 'allowed_by_policy', '2027-01-22T07:00:00Z'],
  ],
  'an allow that expires': [
    withPolicy(until),
    [FRIDAY, 'allowed_by_policy', '2027-01-15T11:00:00Z'],
    ['2027-01-15T11:00:00Z', 'no_policy_matched'],
  ],
  'a rule that allows with a schedule': [
    withRule({ action: 'allow', ...during }),
    [FRIDAY, 'allowed_by_rule', '2027-01-15T17:00:00Z'],
    [SATURDAY, 'no_application', '2027-01-22T07:00:00Z'],
  ],
  'a rule that allows and expires': [
    withRule({ action: 'allow', ...until }),
    [FRIDAY, 'allowed_by_rule', '2027-01-15T11:00:00Z'],
    [SATURDAY, 'no_application'],
  ],
  'a block that expires is there no more': [
    { ...open, ...withRule({ action: 'block', ...until }) },
    [FRIDAY, 'blocked_by_rule', '2027-01-15T11:00:00Z'],
    [SATURDAY, 'allowed_by_policy'],
  ],
}

for (const [name, [written, ...times]] of Object.entries(timed)) {
  test(`G1: ${name}, and how long that holds`, (t) => {
    const policy = policyOf({ tunnel: { domains: ['corp'] }, ...written })
    for (const [now, reason, validUntil] of times) {
      const decision = evaluate(policy, factsOf('w.corp:443'), at(now))
      t.is(decision.reason, reason)
      t.is(decision.validUntilSeconds, validUntil === undefined ? undefined : at(validUntil))
    }
  })
}

test('G1: the trace says that a line was not looked at, and why', (t) => {
  const { trace } = evaluate(policyOf(withPolicy(during)), factsOf('w.corp:443'), at(SATURDAY))
  t.like(trace.at(-1), { name: 'a/p', outcome: 'not_scheduled' })
})
