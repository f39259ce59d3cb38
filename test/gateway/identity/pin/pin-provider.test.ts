import test from 'ava'
import fc from 'fast-check'
import type { FormStep, PendingLogin } from '../../../../gateway/identity/identity-provider.ts'
import type { PinMail } from '../../../../gateway/identity/pin/pin-mail.ts'
import { openPinProvider } from '../../../../gateway/identity/pin/pin-provider.ts'
import { openMemoryStore } from '../../../../gateway/store/memory-store.ts'
import { asking } from '../../../support/local-directory.ts'

const ANN = 'ann@example.com'
const HOME = '192.0.2.1'
const ELSEWHERE = '198.51.100.7'
const MINUTE = 60_000

function openRig(allow: readonly string[] = ['example.com', 'guest@example.org']) {
  const clock = { nowMs: 1_800_000_000_000 }
  const mails: PinMail[] = []
  const logged: Record<string, unknown>[] = []
  const keep = (fields: object, message: string) => void logged.push({ ...fields, message })
  const provider = openPinProvider(
    { name: 'mail', organisation: 'Example', allow },
    {
      store: openMemoryStore(),
      post: (mail) => mails.push(mail),
      now: () => clock.nowMs,
      log: { info: keep, warn: keep, error: keep },
    },
  )
  return {
    clock,
    mails,
    logged,
    provider,
    ask: (email: string, source = HOME) =>
      provider.answer(new Map([['email', email]]), provider.begin().pending, source),
    type: (pending: PendingLogin, pin: string, source = HOME) =>
      provider.answer(new Map([['pin', pin]]), pending, source),
  }
}

type Rig = ReturnType<typeof openRig>

/** Asks for a PIN. @returns the state of the browser, and the PIN. */
async function asked(rig: Rig, email = ANN, source = HOME) {
  const { pending } = asking(await rig.ask(email, source))
  const { pin } = rig.mails.at(-1) ?? {}
  if (pin === undefined) throw new Error('no mail')
  const wrong = pin === '000000' ? '000001' : '000000'
  return { pending, pin, wrong }
}

test('A6: a PIN from the mail logs its address in', async (t) => {
  const rig = openRig()
  const { pending, pin } = await asked(rig, ' Ann@EXAMPLE.com ')
  t.deepEqual(rig.mails, [
    { to: ANN, pin, organisation: 'Example', source: HOME, askedAtMs: rig.clock.nowMs },
  ])
  t.regex(pin, /^\d{6}$/)
  const done = await rig.type(pending, ` ${pin.slice(0, 3)} ${pin.slice(3)} `)
  t.deepEqual(done, {
    kind: 'done',
    identity: {
      provider: 'mail',
      providerSubject: ANN,
      email: ANN,
      name: ANN,
      groups: [],
      claims: {},
      login: { atMs: rig.clock.nowMs, amr: ['otp'] },
    },
  })
})

const allowed: Readonly<Record<string, boolean>> = {
  'x@example.com': true,
  'guest@example.org': true,
  'other@example.org': false,
  'x@sub.example.com': false,
  'x@example.com.evil.test': false,
  'x@notexample.com': false,
}
for (const [email, isAllowed] of Object.entries(allowed)) {
  test(`A6: ${email} ${isAllowed ? 'gets' : 'does not get'} a PIN`, async (t) => {
    const rig = openRig()
    await rig.ask(email)
    t.deepEqual(
      rig.mails.map(({ to }) => to),
      isAllowed ? [email] : [],
    )
  })
}

type Attack = (rig: Rig) => Promise<FormStep>
const attacks: Readonly<Record<string, Attack>> = {
  'a wrong PIN': async (rig) => {
    const { pending, wrong } = await asked(rig)
    return rig.type(pending, wrong)
  },
  'a PIN in another browser': async (rig) => {
    const { pin } = await asked(rig)
    const other = asking(await rig.ask(ANN, ELSEWHERE))
    return rig.type(other.pending, pin, ELSEWHERE)
  },
  'a PIN that was used': async (rig) => {
    const { pending, pin } = await asked(rig)
    await rig.type(pending, pin)
    return rig.type(pending, pin)
  },
  'a PIN after ten minutes': async (rig) => {
    const { pending, pin } = await asked(rig)
    rig.clock.nowMs += 10 * MINUTE
    return rig.type(pending, pin)
  },
  'the right PIN after five wrong ones': async (rig) => {
    const { pending, pin, wrong } = await asked(rig)
    for (let i = 0; i < 5; i += 1) await rig.type(pending, wrong)
    rig.clock.nowMs += 5 * MINUTE
    return rig.type(pending, pin)
  },
  'an id that was made up': (rig) => rig.type({ step: 'pin', id: 'x' }, '123456'),
  'a PIN of a gateway before its restart': async (rig) => {
    const { pending, pin } = await asked(openRig())
    return rig.type(pending, pin)
  },
  'no PIN': async (rig) => rig.type((await asked(rig)).pending, ''),
  'a PIN with digits of another script': async (rig) => {
    const { pending, pin } = await asked(rig)
    return rig.type(
      pending,
      pin.replaceAll(/\d/g, (digit) => String.fromCodePoint(0x660 + Number(digit))),
    )
  },
  'no PIN for an address that gets none': async (rig) => {
    const { pending } = asking(await rig.ask('eve@evil.test'))
    return rig.type(pending, '')
  },
  'an address with a line break': (rig) => rig.ask('ann@example.com\r\nBcc: eve@evil.test'),
  'an address with a name': (rig) => rig.ask('Ann <ann@example.com>'),
  'two addresses': (rig) => rig.ask('ann@example.com,eve@evil.test'),
  'fields that are missing': (rig) => rig.provider.answer(new Map(), { step: 'email' }, HOME),
}
for (const [what, attack] of Object.entries(attacks)) {
  test(`A6: ${what} logs nobody in`, async (t) => {
    const rig = openRig()
    const step = asking(await attack(rig))
    t.truthy(step.problem)
    t.true(rig.mails.every(({ to }) => to === ANN))
  })
}

test('A6: an address that may not enter gets the same answers, step by step, as one that may', async (t) => {
  const answers: unknown[][] = []
  for (const email of [ANN, 'nobody@evil.test']) {
    const rig = openRig()
    const own: FormStep[] = [await rig.ask(email, ELSEWHERE)]
    for (let round = 0; round < 3; round += 1) {
      const { pending } = asking(await rig.ask(email, ELSEWHERE))
      for (let i = 0; i < 7; i += 1) own.push(await rig.type(pending, 'wrong', ELSEWHERE))
      own.push(await rig.ask(email, ELSEWHERE))
    }
    answers.push(
      own.map((step) => ({ ...asking(step), pending: Object.keys(asking(step).pending) })),
    )
    t.is(rig.mails.length, email === ANN ? 2 : 0)
  }
  t.deepEqual(answers[0], answers[1])
})

test('A6: of two answers with one PIN at once one wins', async (t) => {
  const rig = openRig()
  const { pending, pin } = await asked(rig)
  const steps = await Promise.all([rig.type(pending, pin), rig.type(pending, pin, ELSEWHERE)])
  t.deepEqual(steps.map(({ kind }) => kind).sort(), ['ask', 'done'])
})

test('A6 T29: an address has at most three PINs at a time, two of one source, and the answer stays the same', async (t) => {
  const rig = openRig()
  const answers = [
    ...[await rig.ask(ANN), await rig.ask(ANN), await rig.ask(ANN)],
    ...[await rig.ask(ANN, ELSEWHERE), await rig.ask(ANN, '203.0.113.9')],
  ]
  t.is(rig.mails.length, 3)
  t.deepEqual(
    rig.mails.map(({ source }) => source),
    [HOME, HOME, ELSEWHERE],
  )
  t.is(new Set(answers.map((step) => JSON.stringify(asking(step).form))).size, 1)
  rig.clock.nowMs += 10 * MINUTE
  await rig.ask(ANN)
  t.is(rig.mails.length, 4)
})

test('A6: one address of the network asks for ten PINs in ten minutes', async (t) => {
  const rig = openRig()
  for (let i = 0; i < 10; i += 1) await rig.ask(`u${i}@example.com`, ELSEWHERE)
  const refused = asking(await rig.ask('u10@example.com', ELSEWHERE))
  t.regex(refused.problem ?? '', /Too many/)
  t.regex(asking(await rig.ask('u@evil.test', ELSEWHERE)).problem ?? '', /Too many/)
  t.is(rig.mails.length, 10)
  t.is(asking(await rig.ask('u10@example.com', HOME)).problem, undefined)
})

test('A6 T29: wrong PINs slow down the next PIN too', async (t) => {
  const rig = openRig()
  const first = await asked(rig)
  for (let i = 0; i < 5; i += 1) await rig.type(first.pending, first.wrong)
  const second = await asked(rig)
  t.regex(asking(await rig.type(second.pending, second.pin)).problem ?? '', /Too many/)
  rig.clock.nowMs += MINUTE
  t.is((await rig.type(second.pending, second.pin)).kind, 'done')
})

test('A6: no PIN is logged', async (t) => {
  const rig = openRig()
  const { pending, pin, wrong } = await asked(rig)
  await rig.type(pending, wrong)
  await rig.type(pending, pin)
  t.is(rig.logged.length, 3)
  const text = JSON.stringify(rig.logged)
  t.false(text.includes(pin) || text.includes(wrong))
})

test('A6: nothing that is typed throws or logs somebody in', async (t) => {
  const rig = openRig()
  const typed = fc.dictionary(fc.constantFrom('email', 'pin'), fc.string())
  const pending = fc.dictionary(fc.constantFrom('step', 'id'), fc.string())
  const state = fc.oneof(pending, fc.constant({ step: 'pin', id: 'x' }))
  await fc.assert(
    fc.asyncProperty(typed, state, async (fields, one) => {
      const step = await rig.provider.answer(new Map(Object.entries(fields)), one, HOME)
      t.is(step.kind, 'ask')
    }),
    { numRuns: 100 },
  )
})
