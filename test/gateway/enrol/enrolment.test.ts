import { readFileSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import { ENROL_REASONS } from '#lib/api/enrol-api'
import { isDisplayName, ownerVerdict, pollVerdict } from '../../../gateway/enrol/enrolment.ts'
import { formatUserCode, newUserCode, parseUserCode } from '../../../gateway/enrol/user-code.ts'
import type { Device, Enrolment } from '../../../gateway/store/store.ts'

const ENROLMENT: Enrolment = {
  deviceCodeSha256: 'd',
  userCodeSha256: 'u',
  keySha256: 'k',
  csrPem: 'csr',
  deviceName: 'laptop',
  sourceAddress: '192.0.2.7',
  expiresAtMs: 10_000,
  state: 'pending',
}
const DEVICE: Device = {
  id: 'device',
  userId: 'alice',
  name: 'laptop',
  keySha256: 'k',
  enrolledAtMs: 1,
  login: { atMs: 1 },
}

const polls = {
  'an unknown code is no grant': [undefined, undefined, 0, 'invalid_grant'],
  'a fresh one is pending': ['pending', undefined, 0, 'authorization_pending'],
  'a second poll within a second is too fast': ['pending', 5000, 5999, 'slow_down'],
  'a second poll after a second is not': ['pending', 5000, 6000, 'authorization_pending'],
  'a confirmed one is issued': ['approved', undefined, 0, 'issue'],
  'a confirmed one is not issued to a hurry': ['approved', 5000, 5001, 'slow_down'],
  'a denied one is denied': ['denied', undefined, 0, 'access_denied'],
  'a used one is no grant': ['used', undefined, 0, 'invalid_grant'],
  'the last millisecond counts': ['approved', undefined, 9999, 'issue'],
  'at its end a confirmed one has expired': ['approved', undefined, 10_000, 'expired_token'],
  'at its end a pending one has expired': ['pending', undefined, 10_000, 'expired_token'],
} as const
for (const [title, [state, lastPollMs, nowMs, wanted]] of Object.entries(polls)) {
  test(`D7 device code: ${title}`, (t) => {
    const enrolment = state === undefined ? undefined : { ...ENROLMENT, state }
    t.is(pollVerdict(enrolment, lastPollMs, nowMs), wanted)
  })
}

const owners = {
  'a key without registration is free': [undefined, undefined, 'bob', undefined],
  'its own user may log in afresh': ['device', DEVICE, 'alice', undefined],
  'another user may not': ['device', DEVICE, 'bob', 'different_user'],
  'nor one who came second': [undefined, DEVICE, 'bob', 'already_enrolled'],
  'nobody gets a revoked key': ['device', { ...DEVICE, revokedAtMs: 0 }, 'alice', 'device_revoked'],
} as const
for (const [title, [deviceId, registered, userId, reason]] of Object.entries(owners)) {
  test(`D7 owner: ${title}`, (t) => {
    const enrolment = deviceId === undefined ? ENROLMENT : { ...ENROLMENT, deviceId }
    const verdict = ownerVerdict(enrolment, registered, userId)
    t.is(verdict.ok ? undefined : verdict.error, reason)
  })
}

test('D7 user code: 43 bits, no vowels, and what is shown can be typed', (t) => {
  const codes = Array.from({ length: 200 }, newUserCode)
  t.is(new Set(codes).size, 200)
  for (const code of codes) {
    t.regex(code, /^[BCDFGHJKLMNPQRSTVWXZ]{10}$/)
    t.is(parseUserCode(formatUserCode(code)), code)
    t.is(parseUserCode(` ${formatUserCode(code).toLowerCase().replace('-', ' . ')}\n`), code)
  }
})

test('D7 user code: refuses anything else, and never throws', (t) => {
  for (const text of ['', 'BCDFG', 'AEIOU-AEIOU', 'BCDFG-HJKLMN', `BCDFG${' '.repeat(80)}HJKLM`]) {
    t.is(parseUserCode(text), undefined)
  }
  const holds = fc.property(fc.string(), (text) => {
    const code = parseUserCode(text)
    return code === undefined || parseUserCode(code) === code
  })
  t.notThrows(() => fc.assert(holds))
})

test('T93: names are shown only without control, format and direction characters', (t) => {
  for (const name of ['laptop', "Ann's MacBook — büro", '<b>', '笔记本'])
    t.true(isDisplayName(name))
  const bad = ['', ' ', 'a\u0000', 'a\u2028', 'a\u202e', 'a\ufeff', '\ud800']
  for (const name of bad) t.false(isDisplayName(name))
})

test('D7 docs: the reference lists every reason, and no other', (t) => {
  const page = readFileSync('docs/reference/enrolment.md', 'utf8')
  const rows = page.slice(page.indexOf('## Reasons')).matchAll(/^\| `(\w+)` \|/gm)
  t.deepEqual([...rows].map(([, reason]) => reason).sort(), [...ENROL_REASONS].sort())
})
