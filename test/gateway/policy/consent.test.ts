import test from 'ava'
import { evaluate } from '../../../gateway/policy/evaluate.ts'
import type { Grant } from '../../../gateway/policy/facts.ts'
import type { Reason } from '../../../gateway/policy/reasons.ts'
import { everyone, type FactsChange, factsOf, policyOf } from '../../support/policy-builder.ts'

const NOW = 1_800_000_000
const hours = (count: number) => NOW * 1000 + count * 3_600_000

const granted = (kind: Grant['kind'], change: Partial<Grant> = {}): Grant => ({
  ...{ kind, application: 'a', grantedAtMs: hours(-1), untilMs: hours(1) },
  ...change,
})
const asking = (consent: object, more: readonly object[] = []) =>
  policyOf({
    applications: [
      {
        name: 'a',
        destinations: ['w.corp:443'],
        protocol: 'http',
        policies: [{ name: 'p', decision: 'allow', include: everyone, ...consent }, ...more],
      },
    ],
  })
const decided = (policy: ReturnType<typeof asking>, change: FactsChange = {}) =>
  evaluate(policy, factsOf('w.corp:443', change), NOW)

const JUSTIFY = { justify: { valid_for: '8h' } }
const APPROVAL = { approval: { approvers: [{ group: 'leads' }], valid_for: '4h' } }

type Case = readonly [consent: object, grants: readonly Grant[] | undefined, reason: Reason]
const cases: Readonly<Record<string, Case>> = {
  'a purpose is asked for': [JUSTIFY, undefined, 'justification_required'],
  'a purpose that was stated': [JUSTIFY, [granted('purpose')], 'allowed_by_policy'],
  'a purpose for another application': [
    JUSTIFY,
    [granted('purpose', { application: 'b' })],
    'justification_required',
  ],
  'a purpose for another policy': [
    JUSTIFY,
    [granted('purpose', { policy: 'q' })],
    'justification_required',
  ],
  'a purpose for this policy': [
    JUSTIFY,
    [granted('purpose', { policy: 'p' })],
    'allowed_by_policy',
  ],
  'a purpose that is over': [
    JUSTIFY,
    [granted('purpose', { untilMs: hours(0) })],
    'justification_required',
  ],
  'a purpose that the policy would not let last so long now': [
    JUSTIFY,
    [granted('purpose', { grantedAtMs: hours(-8) })],
    'justification_required',
  ],
  'an approval is no purpose': [JUSTIFY, [granted('approval')], 'justification_required'],
  'approval is asked for': [APPROVAL, undefined, 'approval_required'],
  'a purpose is no approval': [APPROVAL, [granted('purpose')], 'approval_required'],
  'an approval that was given': [APPROVAL, [granted('approval')], 'allowed_by_policy'],
  'an approval that is over': [
    APPROVAL,
    [granted('approval', { untilMs: hours(0) })],
    'approval_required',
  ],
  'of both, the purpose comes first': [
    { ...JUSTIFY, ...APPROVAL },
    undefined,
    'justification_required',
  ],
  'then the approval': [{ ...JUSTIFY, ...APPROVAL }, [granted('purpose')], 'approval_required'],
  'both were given': [
    { ...JUSTIFY, ...APPROVAL },
    [granted('purpose'), granted('approval')],
    'allowed_by_policy',
  ],
}

for (const [name, [consent, grants, reason]] of Object.entries(cases)) {
  test(`A10: ${name}`, (t) => {
    const change: FactsChange = grants === undefined ? {} : { grants }
    t.is(decided(asking(consent), change).reason, reason)
  })
}

test('A10: a denial says what would help, and how the flow would be carried', (t) => {
  t.like(decided(asking(JUSTIFY)), { remedy: 'justify', prompt: { protocol: 'http' } })
  t.like(decided(asking(APPROVAL)), { remedy: 'approval', policy: 'p', application: 'a' })
})

test('A10: a permit holds as long as what it was given for', (t) => {
  const grants = [granted('purpose', { untilMs: hours(2) }), granted('approval')]
  const decision = decided(asking({ ...JUSTIFY, ...APPROVAL }), { grants })
  t.is(decision.validUntilSeconds, NOW + 3600)
})

test('A10: a login is asked for first', (t) => {
  const policy = asking({ ...JUSTIFY, session_length: '1h' })
  t.is(decided(policy, { login: { atMs: 1 } }).reason, 'session_expired')
})

test('A10: the first policy that matches decides, whatever stands below', (t) => {
  const below = { name: 'q', decision: 'allow', include: everyone }
  t.is(decided(asking(JUSTIFY, [below])).reason, 'justification_required')
})

const protectedOnes = {
  tunnel: { domains: ['corp'] },
  require_protection: { destinations: ['*.corp:*'], exempt: ['free.corp:80'] },
  applications: [
    {
      name: 'a',
      destinations: ['w.corp:443'],
      policies: [{ name: 'p', decision: 'allow', include: everyone }],
    },
  ],
  network_rules: [
    {
      ...{ name: 'all', precedence: 1, action: 'allow', destinations: ['*:80', '*:8080'] },
      include: everyone,
    },
    { phase: 'application', precedence: 0 },
  ],
}
const guarded: Readonly<Record<string, readonly [endpoint: string, reason: Reason]>> = {
  'no rule opens what must be protected': ['x.corp:80', 'protection_required'],
  'nor another port of an application': ['w.corp:8080', 'protection_required'],
  'an application opens it': ['w.corp:443', 'allowed_by_policy'],
  'what is exempt is decided as ever': ['free.corp:80', 'allowed_by_rule'],
  'but at its port only': ['free.corp:8080', 'protection_required'],
  'and so is everything else': ['x.org:80', 'allowed_by_rule'],
}
for (const [name, [endpoint, reason]] of Object.entries(guarded)) {
  test(`G9: ${name}`, (t) => {
    t.is(evaluate(policyOf(protectedOnes), factsOf(endpoint), NOW).reason, reason)
  })
}
