import test from 'ava'
import fc from 'fast-check'
import { TYPE } from '#lib/dns/codes'
import { evaluateName } from '../../../gateway/policy/evaluate-name.ts'
import {
  everyone,
  type FactsChange,
  factsOf,
  open,
  policyOf,
  RISK,
} from '../../support/policy-builder.ts'

const NOW = 1_767_614_400
const tunnel = { domains: ['corp.internal'], prefixes: ['10.0.0.0/8'] }
const admins = [{ group: 'admins' }]
const restricted = (decision: string, include: object[], more: object = {}) => ({
  policies: [{ name: 'some', decision, include, ...more }],
})

function decide(written: object, name: string, change: FactsChange = {}) {
  const { destination: _, ...facts } = factsOf('x:1', change)
  const policy = policyOf({ tunnel, ...written })
  const { kind, reason, zone } = evaluateName(policy, facts, { name, type: TYPE.A }, NOW)
  return { kind, reason, ...(zone !== undefined && { zone }) }
}

const MAY = { kind: 'permit', reason: 'name_within_reach', zone: 'corp.internal' } as const
const MAY_NOT = { kind: 'denial', reason: 'name_not_permitted', zone: 'corp.internal' } as const
const rule = (action: string, destinations: string[], more: object = {}) => ({
  ...{ name: action, precedence: 1, action, destinations, include: everyone },
  ...more,
})

const WIKI = open('wiki', ['wiki.corp.internal:443'])
const LINES: readonly (readonly [string, object, string, object, FactsChange?])[] = [
  ['an application that admits', { applications: [WIKI] }, 'wiki.corp.internal', MAY],
  ['another name', { applications: [WIKI] }, 'db.corp.internal', MAY_NOT],
  ['nothing at all', {}, 'wiki.corp.internal', MAY_NOT],
  ['a name below one that is open', { applications: [WIKI] }, 'a.wiki.corp.internal', MAY_NOT],
  [
    'an application for others',
    { applications: [{ ...WIKI, ...restricted('allow', admins) }] },
    'wiki.corp.internal',
    MAY_NOT,
  ],
  [
    'an application that denies',
    { applications: [{ ...WIKI, ...restricted('deny', everyone) }] },
    'wiki.corp.internal',
    MAY_NOT,
  ],
  [
    'a stronger login is missing: the flow would wait for it',
    {
      applications: [{ ...WIKI, ...restricted('allow', everyone, { require: [{ amr: 'hwk' }] }) }],
    },
    'wiki.corp.internal',
    MAY,
  ],
  [
    'an evaluator was not asked yet',
    {
      evaluators: [RISK],
      applications: [
        { ...WIKI, ...restricted('allow', everyone, { require: [{ external: 'risk' }] }) },
      ],
    },
    'wiki.corp.internal',
    MAY,
  ],
  [
    'an evaluator was not asked yet, for others',
    {
      evaluators: [RISK],
      applications: [
        { ...WIKI, ...restricted('allow', admins, { require: [{ external: 'risk' }] }) },
      ],
    },
    'wiki.corp.internal',
    MAY_NOT,
  ],
  [
    'an application of a part of a wider one',
    {
      applications: [
        open('all', ['*.corp.internal:443']),
        { ...open('db', ['db.corp.internal:443']), ...restricted('allow', admins) },
      ],
    },
    'db.corp.internal',
    MAY_NOT,
  ],
  [
    'other ports of a wider application',
    {
      applications: [
        open('all', ['*.corp.internal:*']),
        { ...open('db', ['db.corp.internal:5432']), ...restricted('allow', admins) },
      ],
    },
    'db.corp.internal',
    MAY,
  ],
  [
    'a rule that allows',
    { network_rules: [rule('allow', ['*.corp.internal:22'])] },
    'a.b.corp.internal',
    MAY,
  ],
  [
    'a rule for others',
    { network_rules: [rule('allow', ['*.corp.internal:22'], { include: admins })] },
    'a.corp.internal',
    MAY_NOT,
  ],
  [
    'a rule that blocks all ports before the application',
    { applications: [WIKI], network_rules: [rule('block', ['*.corp.internal:*'])] },
    'wiki.corp.internal',
    MAY_NOT,
  ],
  [
    'a rule that blocks one port',
    { applications: [WIKI], network_rules: [rule('block', ['*.corp.internal:25'])] },
    'wiki.corp.internal',
    MAY,
  ],
  [
    'a rule that blocks after the application',
    {
      applications: [WIKI],
      network_rules: [
        { phase: 'application', precedence: 1 },
        rule('block', ['*:*'], { precedence: 2 }),
      ],
    },
    'wiki.corp.internal',
    MAY,
  ],
  [
    'a rule that allows what no application protects',
    {
      require_protection: { destinations: ['*.corp.internal:*'] },
      network_rules: [rule('allow', ['*:*'])],
    },
    'db.corp.internal',
    MAY_NOT,
  ],
  [
    'a protected name, with an application of its own',
    { require_protection: { destinations: ['*.corp.internal:*'] }, applications: [WIKI] },
    'wiki.corp.internal',
    MAY,
  ],
  [
    'a rule that allows a port which is exempt from protection',
    {
      require_protection: { destinations: ['*.corp.internal:*'], exempt: ['db.corp.internal:80'] },
      network_rules: [rule('allow', ['*:80'])],
    },
    'db.corp.internal',
    MAY,
  ],
  [
    'a rule that allows a name of which one port must be protected',
    {
      require_protection: { destinations: ['*.corp.internal:22'] },
      network_rules: [rule('allow', ['*:80'])],
    },
    'db.corp.internal',
    MAY,
  ],
  [
    'a public name, though a rule allows all',
    { network_rules: [rule('allow', ['*:*'])] },
    'example.com',
    { kind: 'denial', reason: 'name_not_private' },
  ],
  [
    'a name that only ends in the same letters',
    { network_rules: [rule('allow', ['*:*'])] },
    'evilcorp.internal',
    { kind: 'denial', reason: 'name_not_private' },
  ],
  [
    'a zone with resolvers of its own',
    {
      dns: { zones: [{ domain: 'lab.test', resolvers: ['10.0.0.53'] }] },
      network_rules: [rule('allow', ['*.lab.test:443'])],
    },
    'a.lab.test',
    { ...MAY, zone: 'lab.test' },
  ],
  [
    'a reverse name of an address that is open',
    { network_rules: [rule('allow', ['10.1.0.0/16:443'])] },
    '3.2.1.10.in-addr.arpa',
    { ...MAY, zone: '3.2.1.10.in-addr.arpa' },
  ],
  [
    'a reverse name of an address that is not',
    { network_rules: [rule('allow', ['10.9.0.0/16:443'])] },
    '3.2.1.10.in-addr.arpa',
    { ...MAY_NOT, zone: '3.2.1.10.in-addr.arpa' },
  ],
  [
    'a reverse name outside of ours',
    { network_rules: [rule('allow', ['*:*'])] },
    '3.2.1.11.in-addr.arpa',
    { kind: 'denial', reason: 'name_not_private' },
  ],
  [
    'a service that is not named',
    { applications: [WIKI] },
    'wiki.corp.internal',
    MAY_NOT,
    { service: { tokenId: 't', name: 'ci' } },
  ],
  [
    'a user who is disabled',
    { applications: [WIKI] },
    'wiki.corp.internal',
    { kind: 'denial', reason: 'user_disabled' },
    { isDisabled: true },
  ],
]

for (const [title, written, name, expected, change] of LINES) {
  test(`G12: who may ask for a name: ${title}`, (t) => {
    t.deepEqual(decide(written, name, change), expected as never)
  })
}

test('G12: what is permitted does not depend on anything but the private zones for strange names', (t) => {
  const policy = policyOf({ tunnel, network_rules: [rule('allow', ['*.corp.internal:443'])] })
  const { destination: _, ...facts } = factsOf('x:1')
  fc.assert(
    fc.property(fc.string(), fc.nat(65_535), (name, type) => {
      const { kind, zone } = evaluateName(policy, facts, { name, type }, NOW)
      return kind === 'permit' ? zone !== undefined : true
    }),
    { numRuns: 200 },
  )
  t.is(evaluateName(policy, facts, { name: '', type: 0 }, NOW).reason, 'name_not_private')
})
