import test from 'ava'
import fc from 'fast-check'
import type { FormStep } from '../../../../gateway/identity/identity-provider.ts'
import {
  resetPassword,
  setDisabled,
  setGroups,
} from '../../../../gateway/identity/local/local-users.ts'
import {
  asking,
  type DirectoryRig,
  HOME,
  openDirectory,
  PASSWORD,
} from '../../../support/local-directory.ts'

const ANN = 'ann@example.com'
const ELSEWHERE = '198.51.100.7'
const HOUR = 3_600_000

test('A6 T96: a handed out password opens nothing but the form to choose another', async (t) => {
  const rig = openDirectory()
  const { id, password } = await rig.add()
  const change = asking(await rig.logIn('Ann@Example.COM', password))
  t.is(change.form.title, 'Choose a password')
  t.deepEqual(
    change.form.fields.map(({ autocomplete }) => autocomplete),
    ['new-password', 'new-password'],
  )
  const done = await rig.change(change.pending, PASSWORD)
  t.deepEqual(done, {
    kind: 'done',
    identity: {
      provider: 'local',
      providerSubject: id,
      email: ANN,
      name: 'Ann',
      groups: ['engineers'],
      claims: {},
      login: { atMs: rig.clock.nowMs, amr: ['pwd'] },
    },
  })
  t.is(asking(await rig.logIn(ANN, password)).problem, 'Email address or password is not right.')
  t.is((await rig.logIn(ANN, PASSWORD)).kind, 'done')
})

const newPasswords: Readonly<Record<string, [string, string?]>> = {
  'that is short': ['eleven char'],
  'that is too long': ['abc '.repeat(100)],
  'that is empty': [''],
  'that is common': ['Password-1234'],
  'that repeats itself': ['abcabcabcabcabc'],
  'that is the address': ['ann@example.com'],
  'typed in two ways': ['a fine long password', 'a fine long passwort'],
}
for (const [what, [password, again]] of Object.entries(newPasswords)) {
  test(`A6 T96: a new password ${what} is refused, and the form stays`, async (t) => {
    const rig = openDirectory()
    const handed = await rig.add()
    const { pending } = asking(await rig.logIn(ANN, handed.password))
    const refused = asking(await rig.change(pending, password, again))
    t.is(refused.form.title, 'Choose a password')
    t.truthy(refused.problem)
    t.is((await rig.change(refused.pending, PASSWORD)).kind, 'done')
  })
}

test('A6 T96: the password that was handed out cannot be kept', async (t) => {
  const rig = openDirectory()
  const { password } = await rig.add()
  const { pending } = asking(await rig.logIn(ANN, password))
  t.regex(asking(await rig.change(pending, password)).problem ?? '', /Choose another/)
})

test('A6 T96: a password that was handed out is useless after a week', async (t) => {
  const rig = openDirectory()
  const { password } = await rig.add()
  rig.clock.nowMs += 7 * 24 * HOUR
  t.is(asking(await rig.logIn(ANN, password)).form.title, 'Log in')
  t.is(rig.logged.at(-1)?.['reason'], 'password_expired')
})

type Attack = (rig: DirectoryRig, handed: { id: string; password: string }) => Promise<FormStep>
const attacks: Readonly<Record<string, Attack>> = {
  'a change without a login': (rig, { id }) =>
    rig.change(
      { step: 'change', userId: id, version: '', atMs: String(rig.clock.nowMs) },
      PASSWORD,
    ),
  'a pending state of no kind': (rig) => rig.change({}, PASSWORD),
  'a time that is no number': (rig, { id }) =>
    rig.change({ step: 'change', userId: id, version: '', atMs: 'NaN' }, PASSWORD),
  'a change later than ten minutes': async (rig, { password }) => {
    const { pending } = asking(await rig.logIn(ANN, password))
    rig.clock.nowMs += 600_001
    return rig.change(pending, PASSWORD)
  },
  'a change that is played back': async (rig, { password }) => {
    const { pending } = asking(await rig.logIn(ANN, password))
    await rig.change(pending, PASSWORD)
    return rig.change(pending, 'the password of a thief')
  },
  'a change after another password was handed out': async (rig, { password }) => {
    const { pending } = asking(await rig.logIn(ANN, password))
    await resetPassword(rig.registry, ANN)
    return rig.change(pending, PASSWORD)
  },
  'a change of an account that was disabled meanwhile': async (rig, { password }) => {
    const { pending } = asking(await rig.logIn(ANN, password))
    setDisabled(rig.registry, ANN, true)
    return rig.change(pending, PASSWORD)
  },
  'a disabled account': (rig, { password }) => {
    setDisabled(rig.registry, ANN, true)
    return rig.logIn(ANN, password)
  },
  'an account that is disabled while its password is checked': (rig, { password }) => {
    const answer = rig.logIn(ANN, password)
    setDisabled(rig.registry, ANN, true)
    return answer
  },
  'a password that is replaced while it is checked': async (rig, { password }) => {
    const answer = rig.logIn(ANN, password)
    const hash = rig.store.localUsers.byEmail(ANN)?.passwordHash ?? ''
    rig.store.localUsers.setPassword(rig.store.localUsers.byEmail(ANN)?.id ?? '', hash, {
      passwordHash: hash.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A')),
    })
    return answer
  },
  'an empty password': (rig) => rig.logIn(ANN, ''),
  'an address with a look-alike letter': (rig, { password }) =>
    rig.logIn('ann@example.\u{212a}om', password),
  'fields that are missing': (rig) =>
    rig.provider.answer(new Map(), rig.provider.begin().pending, HOME),
}
for (const [what, attack] of Object.entries(attacks)) {
  test(`A6: ${what} logs nobody in`, async (t) => {
    const rig = openDirectory()
    const step = await attack(rig, await rig.add())
    t.is(asking(step).form.title, 'Log in')
    t.truthy(asking(step).problem)
    t.deepEqual(asking(step).pending, rig.provider.begin().pending)
  })
}

test('A6 T29: known, unknown, disabled and malformed addresses get one answer, also when limited', async (t) => {
  const rig = openDirectory()
  await rig.addSettled()
  await rig.addSettled('off@example.com')
  setDisabled(rig.registry, 'off@example.com', true)
  const answers: FormStep[][] = []
  for (const email of [ANN, 'nobody@example.com', 'off@example.com', 'not an address']) {
    const own: FormStep[] = []
    for (let i = 0; i < 7; i += 1) own.push(await rig.logIn(email, 'wrong password', ELSEWHERE))
    answers.push(own)
  }
  const [known, ...others] = answers
  for (const other of others) t.deepEqual(other, known)
  t.regex(asking(known?.[4] ?? fail()).problem ?? '', /not right/)
  t.regex(asking(known?.[5] ?? fail()).problem ?? '', /Too many tries/)
})

function fail(): never {
  throw new Error('no answer')
}

test('A6: an unknown address costs a hash like a known one', async (t) => {
  const rig = openDirectory()
  await rig.addSettled()
  const costs: string[] = []
  const { matches } = rig.registry.passwords
  const watched = { ...rig.registry.passwords }
  Object.assign(rig.registry.passwords, {
    matches: (password: string, stored: string | undefined) => {
      costs.push(stored === undefined ? 'nobody' : 'somebody')
      return matches(password, stored)
    },
  })
  await rig.logIn('nobody@example.com', 'x')
  await rig.logIn(ANN, 'x')
  t.deepEqual(costs, ['nobody', 'somebody'])
  Object.assign(rig.registry.passwords, watched)
  t.false(await matches('x', undefined))
})

test('A6 T29: after wrong guesses even the right password waits, longer each time', async (t) => {
  const rig = openDirectory()
  await rig.addSettled()
  for (let i = 0; i < 5; i += 1) await rig.logIn(ANN, 'wrong password')
  t.regex(asking(await rig.logIn(ANN, PASSWORD)).problem ?? '', /Too many/)
  rig.clock.nowMs += 30_000
  await rig.logIn(ANN, 'wrong password')
  rig.clock.nowMs += 30_000
  t.regex(asking(await rig.logIn(ANN, PASSWORD)).problem ?? '', /Too many/)
  rig.clock.nowMs += 30_000
  t.is((await rig.logIn(ANN, PASSWORD)).kind, 'done')
  t.is((await rig.logIn(ANN, 'wrong password')).kind, 'ask')
  t.is((await rig.logIn(ANN, PASSWORD)).kind, 'done')
})

test('A6 T29: guesses at one time are as many guesses', async (t) => {
  const rig = openDirectory()
  await rig.addSettled()
  const guesses = Array.from({ length: 20 }, () => rig.logIn(ANN, 'wrong password', ELSEWHERE))
  const problems = (await Promise.all(guesses)).map((step) => asking(step).problem ?? '')
  t.is(problems.filter((problem) => problem.includes('not right')).length, 5)
  t.is(problems.filter((problem) => problem.includes('Too many')).length, 15)
})

test('A6 T29: one address that guesses at many accounts is slowed down', async (t) => {
  const rig = openDirectory()
  for (let i = 0; i < 30; i += 1) await rig.logIn(`u${i}@example.com`, 'Spring-2026!', ELSEWHERE)
  t.regex(asking(await rig.logIn('u31@example.com', 'x', ELSEWHERE)).problem ?? '', /Too many/)
  t.regex(asking(await rig.logIn('u31@example.com', 'x', HOME)).problem ?? '', /not right/)
})

test('A6 T29: an account guessed at from everywhere still opens where its owner logged in before', async (t) => {
  const rig = openDirectory()
  await rig.addSettled()
  for (let i = 0; i < 60; i += 1) await rig.logIn(ANN, 'wrong password', `203.0.113.${i}`)
  t.regex(asking(await rig.logIn(ANN, PASSWORD, ELSEWHERE)).problem ?? '', /Too many/)
  t.is((await rig.logIn(ANN, PASSWORD, HOME)).kind, 'done')
})

test('A6: an account of one own does not wash the address for guesses at others', async (t) => {
  const rig = openDirectory()
  await rig.addSettled('eve@example.com')
  for (let i = 0; i < 29; i += 1) {
    await rig.logIn(`u${i}@example.com`, 'x')
    await rig.logIn('eve@example.com', PASSWORD)
  }
  await rig.logIn('u30@example.com', 'x')
  t.regex(asking(await rig.logIn('u31@example.com', 'x')).problem ?? '', /Too many/)
})

test('A6: of two new passwords chosen at once one is set', async (t) => {
  const rig = openDirectory()
  const { password } = await rig.add()
  const { pending } = asking(await rig.logIn(ANN, password))
  const chosen = ['the first new password', 'the other new password']
  const steps = await Promise.all(chosen.map((one) => rig.change(pending, one)))
  t.deepEqual(steps.map(({ kind }) => kind).sort(), ['ask', 'done'])
  const winner = chosen[steps.findIndex(({ kind }) => kind === 'done')] ?? ''
  t.is((await rig.logIn(ANN, winner)).kind, 'done')
})

test('A6: many logins at once are served in turn, and above that told to come back', async (t) => {
  const rig = openDirectory()
  const guesses = Array.from({ length: 40 }, (_, i) =>
    rig.logIn(`u${i}@example.com`, 'x', `203.0.113.${i}`),
  )
  const problems = (await Promise.all(guesses)).map((step) => asking(step).problem ?? '')
  t.is(problems.filter((problem) => problem.includes('Try again in a moment')).length, 18)
})

test('A6: groups and disabling reach whoever logged in before, and only them', async (t) => {
  const rig = openDirectory()
  const id = await rig.addSettled()
  const step = await rig.logIn(ANN, PASSWORD)
  if (step.kind !== 'done') return t.fail()
  const user = rig.store.users.upsert(step.identity)
  const other = rig.store.users.upsert({ ...step.identity, provider: 'corp' })
  t.true(setGroups(rig.registry, ANN, ['b', 'a', 'b']).ok)
  t.deepEqual(rig.store.users.get(user.id)?.groups, ['b', 'a'])
  t.true(setDisabled(rig.registry, ANN, true).ok)
  t.is(rig.store.users.get(user.id)?.disabledAtMs, rig.clock.nowMs)
  t.deepEqual(rig.store.users.get(other.id), other)
  t.true(setDisabled(rig.registry, ANN, false).ok)
  t.false('disabledAtMs' in (rig.store.users.get(user.id) ?? {}))
  t.is(rig.store.localUsers.get(id)?.disabledAtMs, undefined)
})

test('A6: nothing that is typed throws, logs somebody in, or is logged', async (t) => {
  const rig = openDirectory()
  await rig.addSettled()
  const typed = fc.dictionary(
    fc.constantFrom('email', 'password', 'new_password', 'again'),
    fc.string(),
  )
  const pending = fc.dictionary(fc.constantFrom('step', 'userId', 'version', 'atMs'), fc.string())
  await fc.assert(
    fc.asyncProperty(
      typed,
      fc.oneof(pending, fc.constant({ step: 'login' })),
      async (fields, state) => {
        const step = await rig.provider.answer(new Map(Object.entries(fields)), state, HOME)
        t.is(step.kind, 'ask')
        rig.clock.nowMs += HOUR
      },
    ),
    { numRuns: 100 },
  )
  await rig.logIn('nobody-here@example.com', 'sesame-sesame')
  t.false(JSON.stringify(rig.logged).includes('sesame'))
  t.false(JSON.stringify(rig.logged).includes('nobody-here'))
})
