/** Connections to names that lead to others: rules of the DNS phase are about all of them. */
import test from 'ava'
import { withAliases } from '../../../gateway/facts/gather.ts'
import { decide, decideAddress } from '../../../gateway/policy/evaluate.ts'
import { everyone, factsOf, open, policyOf } from '../../support/policy-builder.ts'

const NOW = 1_767_614_400
const rule = (precedence: number, action: string, name: string, more: object = {}) => ({
  ...{ name: `${action}-${name}`, precedence, action, names: [name], include: everyone },
  ...more,
})
const toAds = rule(5, 'block', 'ads.test')

function decided(rules: readonly object[], aliases: readonly string[]) {
  const applications = [open('www', ['www.corp.test:443'])]
  const policy = policyOf({ tunnel: { domains: ['corp.test'] }, dns: { rules }, applications })
  const decision = decide(policy, withAliases(factsOf('www.corp.test:443'), aliases), NOW)
  return decision.kind === 'permit' ? (decision.names ?? 'own') : decision.reason
}

const CASES: Readonly<Record<string, readonly [rules: readonly object[], expected: unknown]>> = {
  'no rule': [[], 'own'],
  'a block of an alias': [[toAds], 'blocked_by_dns_rule'],
  'a block of another name': [[rule(5, 'block', 'other.test')], 'own'],
  'an earlier allow of the name': [[rule(1, 'allow', 'www.corp.test'), toAds], 'own'],
  'a later allow of the name': [[rule(9, 'allow', 'www.corp.test'), toAds], 'blocked_by_dns_rule'],
  'a block of one version': [
    [rule(5, 'block', 'ads.test', { types: ['AAAA'] })],
    { v4: 'own', v6: 'none' },
  ],
  'an override of an alias': [
    [rule(5, 'override', 'ads.test', { addresses: ['10.0.0.9'] })],
    { v4: { addresses: ['10.0.0.9'] }, v6: 'none' },
  ],
}
for (const [title, [rules, expected]] of Object.entries(CASES)) {
  test(`G12: a connection to a name that leads to another: ${title}`, (t) => {
    t.deepEqual(decided(rules, ['cdn.test', 'ads.test']), expected)
    t.is(decided(rules, []), 'own')
  })
}

test('G12: aliases count for every address again, and are asked for where a rule binds', (t) => {
  const policyWith = (...rules: readonly object[]) =>
    policyOf({ dns: { rules }, applications: [open('www', ['www.corp.test:443'])] })
  const facts = factsOf('www.corp.test:443')
  const addressed = { ...facts, destination: { ...facts.destination, address: '93.184.216.34' } }
  const denied = decideAddress(policyWith(toAds), withAliases(addressed, ['ads.test']), NOW)
  t.like(denied, { reason: 'blocked_by_dns_rule', rule: 'block-ads.test' })
  const asksFor = (...rules: readonly object[]) => {
    const decision = decide(policyWith(...rules), facts, NOW)
    return decision.kind === 'permit' && decision.meetsAliases === true
  }
  t.deepEqual(
    [asksFor(toAds), asksFor(rule(1, 'allow', 'ads.test')), asksFor()],
    [true, false, false],
  )
})
