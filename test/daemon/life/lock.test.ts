import test, { type ExecutionContext } from 'ava'
import { makeOverrideCode } from '#lib/enrol/override-code'
import type { Registration } from '../../../daemon/enrol/registration.ts'
import { createLock } from '../../../daemon/life/lock-job.ts'
import { memoryLog } from '../../support/tunnel.ts'

const key = Buffer.alloc(32, 7)
const HOUR_MS = 3_600_000
const START_MS = Date.UTC(2026, 10, 21)
const settings = { domains: [], prefixes: [], others: 'direct' as const, sshHostAuthorities: [] }
const lockKey = { overrideKey: key.toString('base64url') }

const UPTIME_MS = 5_000_000

type Boot = {
  readonly bootId: string | undefined
  readonly wallMs: number
  readonly steadyMs: number
}
const BOOT: Boot = { bootId: 'b1', wallMs: START_MS, steadyMs: UPTIME_MS }

/** A locked device with clocks that the test moves. */
function locked(change: Partial<Registration> = {}, { bootId, ...clocks }: Boot = BOOT) {
  const clock = { ...clocks }
  let registration = {
    ...{ deviceId: 'a7d1', settings: { ...settings, lock: lockKey } },
    ...change,
  } as Registration
  let closed = 0
  const lock = createLock({
    registration: () => registration,
    keep: (used) => {
      registration = { ...registration, ...used }
    },
    onClosed: () => {
      closed += 1
    },
    now: () => ({ ...clock }),
    bootId,
    log: memoryLog(),
  })
  lock.resume()
  const pass = (wallMs: number, steadyMs = wallMs) => {
    clock.wallMs += wallMs
    clock.steadyMs += steadyMs
    lock.look()
  }
  const forget = (): void => {
    const { lifted: _, usedCodes: __, ...rest } = registration
    registration = rest
  }
  return { lock, pass, forget, closed: () => closed, registration: () => registration }
}
const codeFor = (ms: number, device = 'a7d1') => makeOverrideCode(key, device, START_MS + ms)

test('D13: a code lifts the lock until its end, and then the tunnel comes back', (t) => {
  const { lock, pass, closed } = locked()
  t.true(lock.holds)
  t.deepEqual(lock.lift(codeFor(HOUR_MS)), { ok: true, value: undefined })
  t.is(lock.liftedUntilMs, START_MS + HOUR_MS)
  pass(HOUR_MS - 1)
  t.false(lock.holds)
  pass(1)
  t.true(lock.holds)
  t.is(lock.liftedUntilMs, undefined)
  t.is(closed(), 1)
  lock.stop()
})

test('D13: neither a clock that is put back nor a sleep prolongs it', (t) => {
  const back = locked()
  back.lock.lift(codeFor(HOUR_MS))
  back.pass(-24 * HOUR_MS, HOUR_MS)
  t.true(back.lock.holds)
  const slept = locked()
  slept.lock.lift(codeFor(HOUR_MS))
  slept.pass(HOUR_MS, 1000)
  t.true(slept.lock.holds)
})

const refusals: Record<string, readonly [string, string]> = {
  'of another device': [codeFor(HOUR_MS, 'b8e2'), 'wrong_code'],
  'that expired': [codeFor(-60_000), 'code_expired'],
  'that is none': ['please', 'bad_code'],
}
for (const [title, [code, reason]] of Object.entries(refusals)) {
  test(`D13: a code ${title} lifts nothing: ${reason}`, (t) => {
    const { lock } = locked()
    t.deepEqual(lock.lift(code), { ok: false, error: { reason } } as never)
    t.true(lock.holds)
  })
}

test('D13: a code is taken once, also after a restart', (t) => {
  const first = locked()
  const code = codeFor(HOUR_MS)
  first.lock.lift(code)
  t.like(first.lock.lift(code), { error: { reason: 'code_used' } })
  const usedCodes = first.registration().usedCodes ?? []
  const again = locked({ usedCodes })
  t.like(again.lock.lift(code), { error: { reason: 'code_used' } })
  t.true(again.lock.holds)
  first.lock.stop()
})

/** Lifts for an hour, and starts the daemon again: what it is like then. */
function restarted(t: ExecutionContext, then: Partial<Boot>, first: Partial<Boot> = {}) {
  const before = locked({}, { ...BOOT, ...first })
  t.true(before.lock.lift(codeFor(HOUR_MS)).ok)
  before.lock.stop()
  const { usedCodes, lifted } = before.registration()
  const again = locked({ usedCodes, ...(lifted && { lifted }) }, { ...BOOT, ...then })
  t.teardown(() => again.lock.stop())
  return again
}
const after = (ms: number) => ({ wallMs: START_MS + ms, steadyMs: UPTIME_MS + ms })

test('D13: a restart of the daemon neither ends nor prolongs what a code lifted', (t) => {
  const { lock, pass, closed } = restarted(t, after(HOUR_MS / 2))
  t.false(lock.holds)
  t.is(lock.liftedUntilMs, START_MS + HOUR_MS)
  pass(HOUR_MS / 2 - 1)
  t.false(lock.holds)
  pass(1)
  t.true(lock.holds)
  t.is(closed(), 1)
})

const heldAgain: Record<string, readonly [Partial<Boot>, Partial<Boot>?]> = {
  'after its end': [after(HOUR_MS)],
  'after its end, with the clock put back': [{ steadyMs: UPTIME_MS + HOUR_MS }],
  'after a reboot': [{ bootId: 'b2', wallMs: START_MS + 60_000, steadyMs: 60_000 }],
  'after a reboot that took longer than the boot before': [{ bootId: 'b2', ...after(60_000) }],
  'where boots cannot be told apart': [{ bootId: undefined }, { bootId: undefined }],
  'where they could be, and can be no more': [{ bootId: undefined }],
  'where the steady clock went back': [{ steadyMs: UPTIME_MS - 1 }],
}
for (const [title, [then, first]] of Object.entries(heldAgain)) {
  test(`D13: the lock holds in a daemon that is started ${title}`, (t) => {
    const { lock } = restarted(t, then, first)
    t.true(lock.holds)
    t.is(lock.liftedUntilMs, undefined)
  })
}

test('D13: what was lifted for one registration is not for the next', (t) => {
  const { lock, forget } = locked()
  lock.lift(codeFor(HOUR_MS))
  forget()
  lock.resume()
  t.true(lock.holds)
})

test('D13: after five wrong codes not even the right one is taken, for ten minutes', (t) => {
  const { lock, pass } = locked()
  for (let guess = 0; guess < 5; guess++) lock.lift(codeFor(HOUR_MS, `b${guess}`))
  t.like(lock.lift(codeFor(HOUR_MS)), { error: { reason: 'too_many_guesses' } })
  pass(600_000)
  t.true(lock.lift(codeFor(HOUR_MS)).ok)
  lock.stop()
})

test('D13: a device that is not locked takes no code', (t) => {
  const { lock } = locked({ settings })
  t.false(lock.holds)
  t.like(lock.lift(codeFor(HOUR_MS)), { error: { reason: 'not_locked' } })
})
