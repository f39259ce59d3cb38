import test from 'ava'
import { evaluate } from '../../../gateway/policy/evaluate.ts'
import {
  everyone,
  type FactsChange,
  factsOf,
  policyOf,
  RISK,
} from '../../support/policy-builder.ts'

const NOW = 1_800_000_000
const LATER = NOW * 1000 + 60_000
const OTHER_DEVICE = '22222222-2222-4222-8222-222222222222'
const GOLD = { atMs: 1, amr: ['pwd', 'hwk'], acr: 'gold' }
const SILVER = { atMs: 1, amr: ['pwd'], acr: 'silver' }
const CI = { service: { tokenId: 't', name: 'ci' } }
const posture_checks = [{ name: 'disk', kind: 'disk_encryption' }]
const lists = [
  { name: 'people', kind: 'email', values: ['Alice@example.com'] },
  { name: 'domains', kind: 'email_domain', values: ['example.com', 'example.org'] },
  { name: 'teams', kind: 'group', values: ['engineers', 'ops'] },
  { name: 'near', kind: 'country', values: ['DE', 'AT'] },
  { name: 'laptops', kind: 'device_id', values: ['11111111-1111-4111-8111-111111111111'] },
  { name: 'offices', kind: 'ip', values: ['198.51.100.0/24'] },
]

/** A selector; facts for which it holds; facts for which it does not; facts that leave it open. */
type Case = readonly [selector: object, yes: FactsChange, no: FactsChange, unknown?: FactsChange]

const absent = <K extends string>(...keys: K[]) =>
  Object.fromEntries(keys.map((key) => [key, undefined])) as unknown as FactsChange

const cases: Readonly<Record<string, Case>> = {
  email: [
    { email: 'alice@example.com' },
    { email: 'ALICE@example.com' },
    { email: 'bob@example.com' },
    { email: '' },
  ],
  email_domain: [
    { email_domain: 'example.com' },
    {},
    { email: 'a@sub.example.com' },
    { email: 'a@b@example.com' },
  ],
  group: [{ group: 'engineers' }, {}, { groups: ['ops'] }, absent('groups')],
  login_method: [
    { login_method: 'corp' },
    { provider: 'corp' },
    { provider: 'github' },
    absent('provider'),
  ],
  amr: [{ amr: 'hwk' }, { login: GOLD }, { login: SILVER }, { login: { atMs: 1 } }],
  auth_context: [
    { auth_context: 'gold' },
    { login: GOLD },
    { login: SILVER },
    { login: { atMs: 1 } },
  ],
  claim: [
    { claim: { name: 'team', value: 'red' } },
    { claims: { team: ['blue', 'red'] } },
    { claims: { team: ['blue'] } },
    { claims: {} },
  ],
  device_id: [
    { device_id: '11111111-1111-4111-8111-111111111111' },
    {},
    { deviceId: OTHER_DEVICE },
    { deviceId: '' },
  ],
  device_posture: [
    { device_posture: 'disk' },
    { posture: { disk: { passed: true, validUntilMs: LATER } } },
    { posture: { disk: { passed: false, validUntilMs: LATER } } },
    { posture: { disk: { passed: true, validUntilMs: NOW * 1000 } } },
  ],
  external: [
    { external: 'risk' },
    { evaluations: { risk: { passed: true, validUntilMs: LATER } } },
    { evaluations: { risk: { passed: false, validUntilMs: LATER } } },
    {},
  ],
  ip_range: [
    { ip_range: '198.51.100.0/24' },
    {},
    { sourceAddress: '203.0.113.1' },
    { sourceAddress: '' },
  ],
  country: [{ country: 'DE' }, { country: 'DE' }, { country: 'FR' }, {}],
  'service_token by name': [{ service_token: 'ci' }, CI, {}],
  'service_token of any name': [{ service_token: 'any' }, CI, {}],
  'service_token of another name': [
    { service_token: 'ci' },
    CI,
    { service: { tokenId: 't', name: 'cd' } },
  ],
  rule_group: [{ rule_group: 'inner' }, {}, { groups: ['ops'] }, absent('groups')],
  email_list: [{ email_list: 'people' }, {}, { email: 'bob@example.com' }, { email: '' }],
  email_domain_list: [{ email_domain_list: 'domains' }, {}, { email: 'a@x.org' }, { email: '' }],
  group_list: [{ group_list: 'teams' }, {}, { groups: ['sales'] }, absent('groups')],
  country_list: [{ country_list: 'near' }, { country: 'AT' }, { country: 'FR' }, {}],
  device_id_list: [{ device_id_list: 'laptops' }, {}, { deviceId: OTHER_DEVICE }, { deviceId: '' }],
  ip_list: [{ ip_list: 'offices' }, {}, { sourceAddress: '192.0.2.1' }, { sourceAddress: '' }],
  any_of: [
    { any_of: [{ group: 'ops' }, { country: 'DE' }] },
    { country: 'DE' },
    { country: 'FR' },
    {},
  ],
}

type Place = (selector: object) => object
const everywhere = (line: object) => ({ applications: [], network_rules: [line] })
const ofApplication = (policy: object) => ({
  applications: [
    {
      name: 'a',
      destinations: ['w.corp:443'],
      policies: [{ name: 'p', decision: 'allow', include: everyone, ...policy }],
    },
  ],
})
const ofRule = (rule: object) =>
  everywhere({
    ...{ name: 'r', precedence: 1, action: 'allow', destinations: ['w.corp:443'] },
    include: everyone,
    ...rule,
  })
const places: Readonly<Record<string, Place>> = {
  'included in a policy': (one) => ofApplication({ include: [one] }),
  'included in a rule': (one) => ofRule({ include: [one] }),
  'included through a rule group': (one) => ({
    ...ofApplication({ include: [{ rule_group: 'outer' }] }),
    rule_groups: [{ name: 'outer', include: [one] }],
  }),
}
const required: Readonly<Record<string, Place>> = {
  'required by a policy': (one) => ofApplication({ require: [one] }),
  'required by a rule': (one) => ofRule({ require: [one] }),
}
const barred: Readonly<Record<string, Place>> = {
  'excluded from a policy': (one) => ofApplication({ exclude: [one] }),
  'excluded from a rule': (one) => ofRule({ exclude: [one] }),
  'blocked by a rule': (one) => ({
    ...ofApplication({}),
    ...{ network_rules: ofRule({ action: 'block', include: [one] }).network_rules },
  }),
}

function kindOf(written: object, change: FactsChange): string {
  const groups = 'rule_groups' in written ? (written.rule_groups as object[]) : []
  const rule_groups = [{ name: 'inner', include: [{ group: 'engineers' }] }, ...groups]
  const policy = policyOf({ lists, posture_checks, evaluators: [RISK], ...written, rule_groups })
  return evaluate(policy, factsOf('w.corp:443', change), NOW).kind
}

for (const [name, [selector, yes, no, unknown]] of Object.entries(cases)) {
  const isAboutServices = 'service_token' in selector
  for (const [where, place] of Object.entries(places)) {
    test(`A3 T95: ${name}, ${where}, admits whom it holds for and nobody else`, (t) => {
      t.is(kindOf(place(selector), yes), 'permit')
      t.is(kindOf(place(selector), no), 'denial')
      if (unknown !== undefined) t.is(kindOf(place(selector), unknown), 'denial')
    })
  }
  for (const [where, place] of isAboutServices ? [] : Object.entries(required)) {
    test(`A3 T95: ${name}, ${where}, must hold`, (t) => {
      t.is(kindOf(place(selector), yes), 'permit')
      t.is(kindOf(place(selector), no), 'denial')
      if (unknown !== undefined) t.is(kindOf(place(selector), unknown), 'denial')
    })
  }
  for (const [where, place] of Object.entries(barred)) {
    test(`A3 T95: ${name}, ${where}, excuses nobody who is not known`, (t) => {
      t.is(kindOf(place(selector), yes), 'denial')
      if (!isAboutServices) t.is(kindOf(place(selector), no), 'permit')
      if (unknown !== undefined) t.is(kindOf(place(selector), unknown), 'denial')
    })
  }
}

const decisionOf = (policy: object, change: FactsChange) =>
  evaluate(
    policyOf({ posture_checks, ...ofApplication(policy) }),
    factsOf('w.corp:443', change),
    NOW,
  )

test('A11: a service passes only where it is named', (t) => {
  t.is(decisionOf({}, CI).reason, 'no_policy_matched')
  t.is(decisionOf({ include: [{ ip_range: '198.51.100.0/24' }] }, CI).kind, 'denial')
  t.is(decisionOf({ include: [{ service_token: 'ci' }] }, CI).kind, 'permit')
  const office = { decision: 'service', include: [{ ip_range: '198.51.100.0/24' }] }
  t.is(decisionOf(office, CI).kind, 'permit')
  t.is(decisionOf(office, {}).kind, 'denial')
  t.is(decisionOf({ decision: 'service' }, CI).kind, 'denial')
})

test('A11: a service is no person, whatever is known of the device owner', (t) => {
  const named = { include: [{ service_token: 'any' }], exclude: [{ email: 'alice@example.com' }] }
  t.is(decisionOf(named, CI).kind, 'permit')
  t.is(decisionOf({ include: [{ email: 'alice@example.com' }] }, CI).kind, 'denial')
  t.is(decisionOf({ decision: 'deny' }, CI).reason, 'denied_by_policy')
})

test('A11: the default for public destinations is about persons', (t) => {
  const open = policyOf({ public_default: 'allow' })
  t.is(evaluate(open, factsOf('example.org:443'), NOW).kind, 'permit')
  t.is(evaluate(open, factsOf('example.org:443', CI), NOW).reason, 'blocked_by_default')
})

test('A2: bypass asks for no login, and says so in the record', (t) => {
  const old = { login: { atMs: 1 } }
  const bound = { session_length: '1h' }
  t.is(decisionOf(bound, old).reason, 'session_expired')
  const bypassed = decisionOf({ decision: 'bypass' }, old)
  t.is(bypassed.kind, 'permit')
  t.is(bypassed.reason, 'bypassed_by_policy')
  t.is(decisionOf({ decision: 'bypass', include: [{ group: 'ops' }] }, old).kind, 'denial')
})

test('D10: a decision on a check holds as long as the result of the check', (t) => {
  const policy = { require: [{ device_posture: 'disk' }] }
  const passed = { posture: { disk: { passed: true, validUntilMs: NOW * 1000 + 1500 } } }
  t.is(decisionOf(policy, passed).validUntilSeconds, NOW + 2)
})

test('A3: whoever lacks only a stronger login is told which one', (t) => {
  const policy = { require: [{ any_of: [{ auth_context: 'gold' }, { auth_context: 'steel' }] }] }
  const denial = decisionOf(policy, { login: SILVER })
  t.like(denial, {
    reason: 'login_insufficient',
    remedy: 'mfa',
    prompt: { acrValues: ['gold', 'steel'] },
  })
  t.is(decisionOf({ ...policy, include: [{ group: 'ops' }] }, {}).reason, 'no_policy_matched')
})

test('D10: whoever lacks only a passed check is told so', (t) => {
  const denial = decisionOf({ require: [{ device_posture: 'disk' }] }, {})
  t.like(denial, { reason: 'posture_failed', remedy: 'posture', failedChecks: ['disk'] })
  t.false('prompt' in denial)
})
