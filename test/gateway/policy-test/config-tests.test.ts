import test from 'ava'
import {
  decodeConfig,
  decodePolicy,
  decodeProposal,
  formatMistakes,
} from '../../../gateway/config.ts'

const POLICY = `policy:
  tunnel: { domains: [corp] }
  posture_checks:
    - { name: disk, kind: disk_encryption, every: 10m, max_age: 1h }
  applications:
    - name: payroll
      destinations: ["pay.corp:443"]
      session_length: 8h
      policies:
        - name: hr
          decision: allow
          include: [{ group: hr }]
          require: [{ device_posture: disk }]
`
const withTests = (...tests: string[]) =>
  `${POLICY}  tests:\n${tests.map((one) => `    - ${one}\n`).join('')}`

const passing = {
  'an admission by group and posture':
    '{ name: a, subject: { groups: [hr], posture: { disk: true } }, to: "pay.corp:443", expect: allow, application: payroll }',
  'a device that fails':
    '{ name: a, subject: { groups: [hr], posture: { disk: false } }, to: "pay.corp:443", expect: deny, reason: posture_failed }',
  'what nothing covers':
    '{ name: a, subject: { email: a@example.com }, to: "db.corp:22", expect: deny, reason: no_application }',
  'a session that is over':
    '{ name: a, subject: { groups: [hr], posture: { disk: true }, login_age: 9h }, to: "pay.corp:443", expect: deny, reason: session_expired }',
  'a question about a name that is open':
    '{ name: a, subject: { groups: [hr] }, ask: { name: pay.corp }, expect: allow, reason: name_within_reach }',
  'a question about a name that is not':
    '{ name: a, subject: { groups: [it] }, ask: { name: pay.corp, type: MX }, expect: deny, reason: name_not_permitted }',
  'a question about a name that is not ours':
    '{ name: a, subject: { groups: [hr] }, ask: { name: example.com }, expect: deny, reason: name_not_private }',
  'an address that is never reached':
    '{ name: a, subject: { groups: [hr], posture: { disk: true } }, to: "pay.corp:443", address: 169.254.169.254, expect: deny, reason: address_forbidden }',
}
for (const [title, one] of Object.entries(passing)) {
  test(`A4: a test in the policy passes: ${title}`, (t) => {
    const decoded = decodePolicy(withTests(one), 'zt.yaml')
    t.is(decoded.ok ? '' : formatMistakes(decoded.error), '')
  })
}

test('A4: a test that fails is a mistake with line and path, and the policy is refused', (t) => {
  const text = withTests(
    passing['what nothing covers'],
    '{ name: interns, subject: { groups: [interns] }, to: "pay.corp:443", expect: allow }',
  )
  const decoded = decodePolicy(text, 'zt.yaml')
  t.is(
    decoded.ok ? '' : formatMistakes(decoded.error),
    `zt.yaml:${text.split('\n').length - 1}: policy.tests[1]: the test interns expects allow, ` +
      'and it came to deny (no_policy_matched) by payroll; payroll: matched, payroll/hr: no_match',
  )
})

const wrong = {
  'another reason':
    '{ name: a, subject: {}, to: "db.corp:22", expect: deny, reason: denied_by_policy }',
  'another application':
    '{ name: a, subject: { groups: [hr], posture: { disk: true } }, to: "pay.corp:443", expect: allow, application: wiki }',
  'a posture that is left out: not known admits nobody (T95)':
    '{ name: a, subject: { groups: [hr] }, to: "pay.corp:443", expect: allow }',
  'T92 an unknown key': '{ name: a, subject: { mail: x }, to: "db.corp:22", expect: deny }',
  'a reason that is none':
    '{ name: a, subject: {}, to: "db.corp:22", expect: deny, reason: because }',
  'a question that may be asked':
    '{ name: a, subject: { groups: [hr] }, ask: { name: pay.corp }, expect: deny }',
  'neither a connection nor a question': '{ name: a, subject: {}, expect: deny }',
  'a connection and a question':
    '{ name: a, subject: {}, to: "db.corp:22", ask: { name: db.corp }, expect: deny }',
  'an address behind a question':
    '{ name: a, subject: {}, ask: { name: db.corp }, address: 10.0.0.1, expect: deny }',
  'no port': '{ name: a, subject: {}, to: "db.corp", expect: deny }',
}
for (const [title, one] of Object.entries(wrong)) {
  test(`A4: a test is refused for ${title}`, (t) => {
    const decoded = decodePolicy(withTests(one), 'zt.yaml')
    t.regex(decoded.ok ? 'no mistake' : formatMistakes(decoded.error), /policy\.tests\[0\]/)
  })
}

test('A4: tests that stand twice are a mistake', (t) => {
  const one = passing['what nothing covers']
  const decoded = decodePolicy(withTests(one, one), 'zt.yaml')
  t.regex(decoded.ok ? '' : formatMistakes(decoded.error), /the name "a" is used twice/)
})

test('A4: a proposal may be a whole configuration; its gateway section does not count', (t) => {
  t.true(decodeProposal(`gateway: { nonsense: [1] }\n${POLICY}`).ok)
  t.false(decodeProposal(`other: 1\n${POLICY}`).ok)
  t.false(decodeConfig(POLICY, 'zt.yaml').ok)
})
