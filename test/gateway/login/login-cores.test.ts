import { randomBytes } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import { html } from '../../../gateway/login/html.ts'
import { newToken } from '../../../gateway/login/journey.ts'
import {
  JOURNEY_COOKIE,
  journeyCookie,
  readJourney,
} from '../../../gateway/login/journey-cookie.ts'
import { readForm } from '../../../gateway/login/login-form.ts'
import { openRateGate } from '../../../gateway/login/rate-limit.ts'

test('T93 html: whatever is put in stays text', (t) => {
  const holds = fc.property(fc.string({ unit: 'binary' }), (text) => {
    const inside = html`<p title="${text}">${text}</p>`.text
    return inside.split('<').length === 3 && inside.split('"').length === 3
  })
  t.notThrows(() => fc.assert(holds))
  t.is(
    html`<ul>${[html`<li>${'a&b'}</li>`, html`<li>c</li>`]}</ul>`.text,
    '<ul><li>a&amp;b</li><li>c</li></ul>',
  )
})

const KEY = randomBytes(32)
const JOURNEY = {
  at: 'confirm',
  csrf: newToken(),
  purpose: { for: 'enrolment', deviceCodeSha256: 'a'.repeat(64) },
  userId: 'u',
  login: { atMs: 1, amr: ['pwd'] },
} as const
const cookieOf = async (nowMs = 0) =>
  (await journeyCookie(JOURNEY, { key: KEY, nowMs })).split(';')[0] ?? ''

test('T28 journey: comes back as it was sealed, among other cookies', async (t) => {
  const cookie = await cookieOf()
  t.deepEqual(await readJourney(cookie, KEY, 599_000), JOURNEY)
  t.deepEqual(await readJourney(`a=b; ${cookie}; c=d`, KEY, 0), JOURNEY)
})

const refused = {
  'after ten minutes': async () => readJourney(await cookieOf(), KEY, 600_000),
  'by another key, as after a restart': async () =>
    readJourney(await cookieOf(), randomBytes(32), 0),
  'sent twice': async () => readJourney(`${await cookieOf()}; ${await cookieOf()}`, KEY, 0),
  'with one character changed': async () => {
    const cookie = await cookieOf()
    return readJourney(`${cookie.slice(0, -3)}${cookie.endsWith('AAA') ? 'BBB' : 'AAA'}`, KEY, 0)
  },
  'above the limit': async () => readJourney(`${JOURNEY_COOKIE}=${'a'.repeat(5000)}`, KEY, 0),
  absent: async () => readJourney(undefined, KEY, 0),
  'under another name': async () => readJourney((await cookieOf()).slice(1), KEY, 0),
}
for (const [title, read] of Object.entries(refused)) {
  test(`T28 journey: is none ${title}`, async (t) => t.is(await read(), undefined))
}

test('T28 journey: reading never throws', async (t) => {
  const holds = fc.asyncProperty(fc.string(), async (text) => {
    return (await readJourney(`${JOURNEY_COOKIE}=${text}`, KEY, 0)) === undefined
  })
  await t.notThrowsAsync(() => fc.assert(holds))
})

test('T28 form: exactly the wanted fields, each once', (t) => {
  const read = (text: string) => readForm(new URLSearchParams(text), ['a', 'b'])
  t.deepEqual(read('a=1&b=2'), { a: '1', b: '2' })
  for (const text of ['', 'a=1', 'a=1&b=2&c=3', 'a=1&b=2&b=3', 'a=1&__proto__=2']) {
    t.is(read(text), undefined)
  }
  t.is(readForm({ a: '1', b: '2' }, ['a', 'b']), undefined)
})

test('T122 gate: one source that asks too much keeps out no other', async (t) => {
  const gate = openRateGate({ perSource: 1, global: 2, windowSeconds: 60 })
  t.deepEqual(
    [await gate('192.0.2.1'), await gate('192.0.2.1'), await gate('192.0.2.2')],
    [true, false, true],
  )
  t.false(await gate('192.0.2.3'))
})

test('T123 journey: fits a cookie with the largest of everything that may be remembered', async (t) => {
  const at = {
    id: newToken(),
    purpose: { for: 'enrolment', deviceCodeSha256: 'a'.repeat(64) },
    provider: 'p'.repeat(64),
    pending: { state: 'é'.repeat(1000) },
  } as const
  const fields = Array.from({ length: 5 }, (_, index) => `field_${index}`)
  const login = { atMs: Number.MAX_SAFE_INTEGER, acr: 'x'.repeat(960) }
  const { purpose } = at
  for (const journey of [
    { at: 'redirect', ...at },
    { at: 'form', ...at, csrf: newToken(), fields },
    { at: 'confirm', purpose, csrf: newToken(), userId: 'u'.repeat(36), login },
  ] as const) {
    const cookie = (await journeyCookie(journey, { key: KEY, nowMs: 0 })).split(';')[0] ?? ''
    t.true(cookie.length <= 4096, `${journey.at}: ${cookie.length}`)
    t.deepEqual(await readJourney(cookie, KEY, 0), journey)
  }
  const huge = { at: 'redirect', ...at, pending: { state: 'x'.repeat(4096) } } as const
  await t.throwsAsync(journeyCookie(huge, { key: KEY, nowMs: 0 }), { message: /does not fit/ })
})
