import test from 'ava'
import { explain, visibleApplications } from '../../../gateway/policy/explain.ts'
import { everyone, factsOf, open, policyOf } from '../../support/policy-builder.ts'

const policy = policyOf({
  applications: [
    open('wiki', ['wiki.corp:443', '10.0.0.0/24:80,443']),
    open('db', ['db.corp:22'], { protocol: 'ssh', ssh: { unix_users: ['demo'] } }),
    {
      name: 'payroll',
      destinations: ['pay.corp:443'],
      policies: [{ name: 'hr', decision: 'allow', include: [{ group: 'hr' }] }],
    },
    {
      name: 'barred',
      destinations: ['b.corp:443'],
      policies: [
        { name: 'no', decision: 'deny', include: [{ group: 'engineers' }] },
        { name: 'yes', decision: 'allow', include: everyone },
      ],
    },
  ],
})

test('D12: explain says what a flow would get, with the trace', (t) => {
  t.deepEqual(explain(policy, factsOf('pay.corp:443'), 0), {
    host: 'pay.corp',
    port: 443,
    verdict: 'denial',
    reason: 'no_policy_matched',
    sentence: 'No policy of this application admits you. Ask your administrator for access.',
    application: 'payroll',
    revision: 7,
    trace: [
      { phase: 'application', name: 'payroll', outcome: 'matched', detail: 'pay.corp:443' },
      { phase: 'application', name: 'payroll/hr', outcome: 'no_match', detail: 'allow' },
    ],
  })
})

test('D11: a user sees the applications that admit them, and no others', (t) => {
  t.deepEqual(visibleApplications(policy, factsOf('x:1'), 0), [
    { name: 'wiki', destinations: ['wiki.corp:443', '10.0.0.0/24:80,443'] },
    { name: 'db', destinations: ['db.corp:22'], protocol: 'ssh', unixUsers: ['demo'] },
  ])
})

test('D11: somebody who is disabled sees nothing', (t) => {
  t.deepEqual(visibleApplications(policy, factsOf('x:1', { isDisabled: true }), 0), [])
})

test('T95: somebody without known groups sees nothing that depends on them', (t) => {
  const facts = factsOf('x:1')
  const { groups: _, ...subject } = facts.subject
  const visible = visibleApplications(
    policy,
    {
      ...facts,
      subject: subject as typeof facts.subject,
    },
    0,
  )
  t.deepEqual(
    visible.map(({ name }) => name),
    ['wiki', 'db'],
  )
})
