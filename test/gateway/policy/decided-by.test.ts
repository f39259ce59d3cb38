import test from 'ava'
import { evaluate } from '../../../gateway/policy/evaluate.ts'
import { type FactsChange, factsOf, policyOf } from '../../support/policy-builder.ts'

const include = [
  { email: 'bob@example.com' },
  { group: 'hr' },
  { any_of: [{ ip_range: '192.0.2.0/24' }, { device_id: '22222222-2222-4222-8222-222222222222' }] },
  { rule_group: 'leads' },
  { service_token: 'backup' },
]
const policy = policyOf({
  rule_groups: [{ name: 'leads', include: [{ group: 'leads' }] }],
  applications: [
    {
      name: 'pay',
      destinations: ['pay.corp:443'],
      policies: [
        { name: 'no', decision: 'deny', include: [{ group: 'barred' }] },
        { name: 'yes', decision: 'allow', include },
      ],
    },
  ],
  network_rules: [
    {
      name: 'stop',
      precedence: 1,
      action: 'block',
      include: [{ everyone: true }],
      destinations: ['stop.corp:*'],
    },
  ],
})
const service = { tokenId: 't', name: 'backup' }

const cases: Record<string, [FactsChange, string | undefined]> = {
  'email: bob@example.com': [{ email: 'bob@example.com', groups: ['hr'] }, 'pay/yes'],
  'group: hr': [{ groups: ['x', 'hr'] }, 'pay/yes'],
  'ip_range: 192.0.2.0/24': [{ sourceAddress: '192.0.2.1' }, 'pay/yes'],
  'rule_group: leads': [{ groups: ['leads'] }, 'pay/yes'],
  'group: barred': [{ groups: ['barred', 'hr'] }, 'pay/no'],
  'service_token: backup': [{ service, sourceAddress: '192.0.2.1' }, 'pay/yes'],
}
for (const [selector, [change, line]] of Object.entries(cases)) {
  test(`G11: the trace names the selector that decided: ${selector}`, (t) => {
    const { trace } = evaluate(policy, factsOf('pay.corp:443', change), 0)
    const decided = trace.filter((step) => step.selector !== undefined)
    t.deepEqual(
      decided.map((step) => [step.name, step.selector]),
      [[line, selector]],
    )
  })
}

test('G11: rules name it too, and where nothing decided there is none', (t) => {
  t.like(evaluate(policy, factsOf('stop.corp:1'), 0).trace, [
    { name: 'stop', selector: 'everyone' },
  ])
  const { trace } = evaluate(policy, factsOf('pay.corp:443'), 0)
  t.true(trace.every((step) => step.selector === undefined))
})
