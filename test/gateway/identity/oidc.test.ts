import test from 'ava'
import fc from 'fast-check'
import { userFromClaims } from '../../../gateway/identity/oidc.ts'

const RULES = {
  provider: 'corp',
  groupsClaim: 'groups',
  claims: ['department', 'grade'],
  sessionEndClaim: 'until',
}
const CLAIMS = { sub: 'u1', email: 'Demo@Example.com', email_verified: true, groups: ['a', 'b'] }
const read = (claims: Record<string, unknown>) => userFromClaims(claims, RULES, 5)

test('A6: claims become a user with a lower-case address', (t) => {
  t.deepEqual(read({ ...CLAIMS, name: 'Demo' }), {
    ok: true,
    value: {
      provider: 'corp',
      providerSubject: 'u1',
      email: 'demo@example.com',
      name: 'Demo',
      groups: ['a', 'b'],
      claims: {},
      login: { atMs: 5 },
    },
  })
})

test('A3 A6: further claims are kept as text, and only those that are configured', (t) => {
  const user = read({ ...CLAIMS, department: 'db', grade: [7, true], secret: 'x' })
  t.deepEqual(user.ok && user.value.claims, { department: ['db'], grade: ['7', 'true'] })
  const none = read({ ...CLAIMS, department: null })
  t.deepEqual(none.ok && none.value.claims, {})
})

test('A6: a claim that is said here, or that nobody asks about, may be kept elsewhere too', (t) => {
  const elsewhere = { department: 'src1', groups: 'src1', address: 'src1' }
  const user = read({ ...CLAIMS, department: 'db', _claim_names: elsewhere })
  t.deepEqual(user.ok && user.value.claims, { department: ['db'] })
})

const logins = {
  'methods and context class as stated': [
    { amr: ['pwd', 'otp'], acr: 'high' },
    { atMs: 5, amr: ['pwd', 'otp'], acr: 'high' },
  ],
  'a proof in the future counts as now': [{ auth_time: 99 }, { atMs: 5 }],
  'a time that is none is not stated': [{ auth_time: '7' }, { atMs: 5 }],
  'methods that are no texts are not stated (T95)': [{ amr: [1] }, { atMs: 5 }],
  'a context class that is no text is not stated (T95)': [{ acr: { a: 1 } }, { atMs: 5 }],
  'an end of its own': [{ until: 7 }, { atMs: 5, notAfterMs: 7000 }],
} as const
for (const [title, [claims, wanted]] of Object.entries(logins)) {
  test(`A3 A5: the login has ${title}`, (t) => {
    const user = read({ ...CLAIMS, ...claims })
    t.deepEqual(user.ok && user.value.login, wanted)
  })
}

test('A5: the login has the time of the proof, not of the return, to the end of its second', (t) => {
  const user = userFromClaims({ ...CLAIMS, auth_time: 7 }, RULES, 100_000)
  t.deepEqual(user.ok && user.value.login, { atMs: 7999 })
})

const groups = {
  'an absent claim is no group': [undefined, []],
  'one name as text is one group': ['a', ['a']],
  'a repeated name counts once': [['a', 'a'], ['a']],
} as const
for (const [title, [groupsClaim, wanted]] of Object.entries(groups)) {
  test(`A6: ${title}`, (t) => {
    const user = read({ ...CLAIMS, groups: groupsClaim })
    t.deepEqual(user.ok && user.value.groups, wanted)
  })
}

test('A6: a provider that does not say whether the address is verified is believed', (t) => {
  t.true(read({ ...CLAIMS, email_verified: undefined }).ok)
  t.true(read({ ...CLAIMS, email_verified: 'true' }).ok)
})

const refused = {
  'no address': [{ email: undefined }, 'no_email'],
  'an address that is no text': [{ email: 5 }, 'bad_email'],
  'two @ (T26)': [{ email: 'a@b@example.com' }, 'bad_email'],
  'a dollar sign (T26)': [{ email: '$x@example.com' }, 'bad_email'],
  'a backslash (T26)': [{ email: 'a\\b@example.com' }, 'bad_email'],
  'a line break (T26)': [{ email: 'a@example.com\n' }, 'bad_email'],
  'a leading hyphen (T26)': [{ email: '-a@example.com' }, 'bad_email'],
  'a trailing dot (T26)': [{ email: 'a@example.com.' }, 'bad_email'],
  'a Kelvin sign for k (T26)': [{ email: '\u212aim@example.com' }, 'bad_email'],
  'a Cyrillic letter (T26)': [{ email: '\u0430dmin@example.com' }, 'bad_email'],
  'a host without a dot': [{ email: 'a@localhost' }, 'bad_email'],
  'an address above 254 octets': [{ email: `${'a'.repeat(250)}@b.cc` }, 'bad_email'],
  'an unverified address': [{ email_verified: false }, 'email_unverified'],
  'a null for verified': [{ email_verified: 'no' }, 'email_unverified'],
  'groups that are an object (T95)': [{ groups: { a: 1 } }, 'bad_groups'],
  'a group that is no text (T95)': [{ groups: ['a', 1] }, 'bad_groups'],
  'a group name above the limit': [{ groups: ['a'.repeat(257)] }, 'bad_groups'],
  'too many groups': [{ groups: Array.from({ length: 1001 }, (_, n) => `g${n}`) }, 'bad_groups'],
  'a claim that is an object (T95)': [{ department: { a: 1 } }, 'bad_claims'],
  'a claim with too many values': [
    { department: Array.from({ length: 101 }, String) },
    'bad_claims',
  ],
  'an end that is no time (T95)': [{ until: 'tomorrow' }, 'bad_claims'],
  'an end in milliseconds': [{ until: 1_800_000_000_000 }, 'bad_claims'],
  'groups kept elsewhere': [{ groups: undefined, _claim_names: { groups: 'src1' } }, 'bad_groups'],
  'a claim kept elsewhere': [{ _claim_names: { department: 'src1' } }, 'bad_claims'],
  'a claim without a value, kept elsewhere': [
    { grade: null, _claim_names: { grade: 'src1' } },
    'bad_claims',
  ],
  'an end kept elsewhere': [{ _claim_names: { until: 'src1' } }, 'bad_claims'],
} as const
for (const [title, [change, reason]] of Object.entries(refused)) {
  test(`A6: refuses ${title}`, (t) => {
    t.deepEqual(read({ ...CLAIMS, ...change }), { ok: false, error: { reason } })
  })
}

test('A6: any claims give a user or a reason, never a throw', (t) => {
  const email = fc.oneof(fc.string(), fc.emailAddress(), fc.anything())
  const claims = fc.record({ sub: fc.string(), email, groups: fc.anything(), name: fc.anything() })
  const holds = fc.property(claims, (value) => {
    const user = read(value)
    return !user.ok || /^[\x21-\x7e]+@[a-z0-9.-]+$/.test(user.value.email)
  })
  t.notThrows(() => fc.assert(holds))
})
