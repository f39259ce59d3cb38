import { createHash } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import {
  decodeServiceCredentials,
  encodeServiceCredentials,
  isServiceSecret,
  newServiceId,
  newServiceSecret,
} from '#lib/enrol/service-credentials'
import {
  checkSecret,
  credentialsIn,
  type DistinctHeaders,
  type TokenRefusal,
} from '../../../gateway/service-token/check-credentials.ts'
import { alertDays, dueAlerts } from '../../../gateway/service-token/expiry-alert.ts'
import {
  isTokenName,
  newServiceToken,
  rotateToken,
  serviceIdentity,
  tokenState,
} from '../../../gateway/service-token/service-token.ts'

const DAY_MS = 86_400_000
const NOW_MS = 1_000 * DAY_MS
const YEAR_MS = 365 * DAY_MS

test('A11 T96: a secret has 256 random bits, a word for scanners and a checksum; only its digest is kept', (t) => {
  const { token, secret } = newServiceToken('backup', YEAR_MS, NOW_MS)
  t.regex(token.id, /^zt-service-[0-9a-f]{20}$/)
  t.regex(secret, /^ztsvc_[\w-]{49}$/)
  t.is(Buffer.from(secret.slice(6, 49), 'base64url').length, 32)
  t.false(JSON.stringify(token).includes(secret.slice(6)))
  t.is(token.secretSha256, createHash('sha256').update(secret).digest('hex'))
  t.not(newServiceSecret(), newServiceSecret())
})

test('A11: a text that lost or changed a character is no secret', (t) => {
  const secret = newServiceSecret()
  t.true(isServiceSecret(secret))
  for (let at = 0; at < secret.length; at += 1) {
    const other = secret[at] === 'A' ? 'B' : 'A'
    t.false(isServiceSecret(secret.slice(0, at) + secret.slice(at + 1)), `without ${at}`)
    t.false(isServiceSecret(secret.slice(0, at) + other + secret.slice(at + 1)), `other ${at}`)
  }
})

test('A11: the JSON of both is read back as it was written, and nothing else is taken', (t) => {
  const both = { id: newServiceId(), secret: newServiceSecret() }
  t.deepEqual(decodeServiceCredentials(encodeServiceCredentials(both)), { ok: true, value: both })
  const refused = { ok: false, error: { reason: 'bad_service_token' } }
  const texts = [
    '',
    'null',
    '[]',
    JSON.stringify({ id: both.id }),
    JSON.stringify({ ...both, more: 1 }),
    JSON.stringify({ ...both, id: `${both.id}\n` }),
    JSON.stringify({ ...both, secret: `${both.secret}\u0000` }),
    `${encodeServiceCredentials(both)}${' '.repeat(512)}`,
  ]
  for (const text of texts) t.deepEqual(decodeServiceCredentials(text), refused, text)
})

test('A11: reading credentials never throws', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      t.false(decodeServiceCredentials(text).ok)
    }),
    { numRuns: process.env['ZT_FULL'] ? 5000 : 200 },
  )
})

const { token, secret } = newServiceToken('backup', YEAR_MS, NOW_MS)
const { id } = token
const json = encodeServiceCredentials({ id, secret })
const forms: Record<string, [DistinctHeaders, string | undefined]> = {
  'two headers': [{ 'zt-service-id': [id], 'zt-service-secret': [secret] }, undefined],
  'one header': [{ 'zt-service-token': [json] }, undefined],
  none: [{}, 'invalid_request'],
  'an id alone': [{ 'zt-service-id': [id] }, 'invalid_request'],
  'both forms': [
    { 'zt-service-id': [id], 'zt-service-secret': [secret], 'zt-service-token': [json] },
    'invalid_request',
  ],
  'an id twice': [{ 'zt-service-id': [id, id], 'zt-service-secret': [secret] }, 'invalid_request'],
  'one header twice': [{ 'zt-service-token': [json, json] }, 'invalid_request'],
  'a truncated secret': [
    { 'zt-service-id': [id], 'zt-service-secret': [secret.slice(0, -1)] },
    'bad_service_token',
  ],
  'an oversized header': [{ 'zt-service-token': [json + ' '.repeat(600)] }, 'bad_service_token'],
  'control characters': [
    { 'zt-service-id': [`${id}\u0007`], 'zt-service-secret': [secret] },
    'bad_service_token',
  ],
}
for (const [what, [headers, reason]] of Object.entries(forms)) {
  test(`A11: credentials in headers: ${what}`, (t) => {
    const found = credentialsIn(headers)
    t.deepEqual(
      found,
      reason === undefined ? { ok: true, value: { id, secret } } : { ok: false, error: reason },
    )
  })
}

const rotated = rotateToken(token, { graceMs: DAY_MS, lifetimeMs: YEAR_MS }, NOW_MS + 9)
const disabled = { ...token, disabledAtMs: NOW_MS }
const other = newServiceToken('other', YEAR_MS, NOW_MS)
const checks: [string, Parameters<typeof checkSecret>, TokenRefusal | undefined][] = [
  ['the right secret', [token, secret, NOW_MS], undefined],
  ['an unknown id', [undefined, secret, NOW_MS], 'bad_service_token'],
  ['a wrong secret', [token, newServiceSecret(), NOW_MS], 'bad_service_token'],
  ['the secret of another token', [token, other.secret, NOW_MS], 'bad_service_token'],
  ['a disabled token', [disabled, secret, NOW_MS], 'service_token_disabled'],
  ['a disabled token, wrong secret', [disabled, other.secret, NOW_MS], 'bad_service_token'],
  ['an expired token', [token, secret, NOW_MS + YEAR_MS], 'service_token_expired'],
  ['the last moment of a token', [token, secret, NOW_MS + YEAR_MS - 1], undefined],
  ['the new secret after a rotation', [rotated.token, rotated.secret, NOW_MS + 9], undefined],
  ['the old secret in its grace', [rotated.token, secret, NOW_MS + DAY_MS], undefined],
  ['the old secret after it', [rotated.token, secret, NOW_MS + 9 + DAY_MS], 'bad_service_token'],
]
for (const [what, [of, shown, nowMs], reason] of checks) {
  test(`A11 T88: ${what} is ${reason ?? 'good'}`, (t) => {
    const checked = checkSecret(of, shown, nowMs)
    t.is(checked.ok ? undefined : checked.error, reason)
  })
}

test('A11: a rotation without grace ends the old secret at once, and of two olds only the last has one', (t) => {
  const terms = { lifetimeMs: YEAR_MS }
  const bare = rotateToken(token, { ...terms, graceMs: 0 }, NOW_MS)
  t.is(bare.token.previousSha256, undefined)
  const twice = rotateToken(rotated.token, { ...terms, graceMs: DAY_MS }, NOW_MS + 10)
  t.true(checkSecret(twice.token, rotated.secret, NOW_MS + 10).ok)
  t.false(checkSecret(twice.token, secret, NOW_MS + 10).ok)
})

test('A11: a rotation renews the life of a token, and does not lengthen that of the old secret', (t) => {
  const lateMs = token.expiresAtMs - 5
  const late = rotateToken(token, { graceMs: DAY_MS, lifetimeMs: YEAR_MS }, lateMs)
  t.is(late.token.expiresAtMs, Math.floor((lateMs + YEAR_MS) / 1000) * 1000)
  t.is(late.token.previousUntilMs, token.expiresAtMs)
  const lapsed = rotateToken(token, { graceMs: DAY_MS, lifetimeMs: 1 }, token.expiresAtMs)
  t.is(lapsed.token.previousSha256, undefined)
})

test('A11: the end is in whole seconds, as decisions are made: nobody sees it earlier than another', (t) => {
  const { token: odd } = newServiceToken('ci', 2000, 5270)
  t.is(odd.expiresAtMs, 7000)
})

test('A11: states, and what policy is told', (t) => {
  t.is(tokenState(token, NOW_MS), 'active')
  t.is(tokenState(disabled, token.expiresAtMs), 'disabled')
  t.is(tokenState(token, token.expiresAtMs), 'expired')
  const { expiresAtMs } = token
  t.deepEqual(serviceIdentity(token), { tokenId: id, name: 'backup', expiresAtMs })
  t.true(serviceIdentity(disabled).isDisabled)
})

test('T93: a name of a token cannot be taken for an address or drive a terminal', (t) => {
  for (const name of ['backup', 'ci.build-7', '0']) t.true(isTokenName(name), name)
  const bad = ['', 'a@b', 'A', '-a', 'a b', 'a\n', '\u001b[0m', 'ä', 'a'.repeat(64)]
  for (const name of bad) t.false(isTokenName(name), JSON.stringify(name))
})

test('A11: the end of a token is told 30, 7 and 1 days before and when it has come, once each', (t) => {
  const end = { ...token, expiresAtMs: NOW_MS + 31 * DAY_MS }
  const told = new Map<string, number>()
  const atDay = (day: number) =>
    dueAlerts([end, disabled], told, NOW_MS + day * DAY_MS).map(({ daysLeft }) => daysLeft)
  t.deepEqual([0, 1, 2, 24, 25, 29, 30, 31, 32].map(atDay), [
    [],
    [30],
    [],
    [7],
    [],
    [],
    [1],
    [0],
    [],
  ])
  t.is(alertDays({ ...end, expiresAtMs: NOW_MS + YEAR_MS }, NOW_MS), undefined)
  t.deepEqual(dueAlerts([], told, NOW_MS), [])
  t.is(told.size, 0)
})
