import test from 'ava'
import { visibleApplications } from '../../../gateway/policy/visible-applications.ts'
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
