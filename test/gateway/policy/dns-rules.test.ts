/** Rules of the DNS phase: what they make of questions, and of connections. */
import test from 'ava'
import { formatPath } from '#lib/config/mistake'
import { parseTypeName } from '#lib/dns/type-names'
import { decide, evaluate } from '../../../gateway/policy/evaluate.ts'
import { evaluateName } from '../../../gateway/policy/evaluate-name.ts'
import { parsePolicy } from '../../../gateway/policy/parse.ts'
import {
  everyone,
  type FactsChange,
  factsOf,
  open,
  policyOf,
} from '../../support/policy-builder.ts'

const NOW = 1_767_614_400
const wiki = open('wiki', ['*.corp.internal:443'])
const engineers = [{ group: 'engineers' }]
const others = [{ group: 'others' }]

type Rule = { readonly [key: string]: unknown }
const block: Rule = { action: 'block', names: ['wiki.corp.internal'], include: everyone }
const toHoneypot: Rule = { ...block, action: 'override', addresses: ['10.9.9.9', 'fd00::9'] }
const toOther: Rule = { ...block, action: 'override', alias: 'other.corp.internal' }

const numbered = (rules: readonly Rule[]) =>
  rules.map((rule, at) => ({ name: `r${at}`, precedence: at, ...rule }))

const policyWith = (...rules: readonly Rule[]) =>
  policyOf({
    tunnel: { domains: ['corp.internal'] },
    applications: [wiki],
    public_default: 'allow',
    dns: { rules: numbered(rules) },
  })

function ask(
  rules: readonly Rule[],
  name = 'wiki.corp.internal',
  type = 'A',
  change?: FactsChange,
) {
  const { destination: _, ...facts } = factsOf('x:1', change)
  const number = parseTypeName(type) ?? 0
  const question = { name, type: number }
  const { reason, rule } = evaluateName(policyWith(...rules), facts, question, NOW)
  return rule === undefined ? reason : `${reason} ${rule}`
}

function flow(rules: readonly Rule[], endpoint = 'wiki.corp.internal:443') {
  return decide(policyWith(...rules), factsOf(endpoint), NOW)
}

const QUESTIONS: readonly (readonly [string, string, readonly Rule[], string?, string?])[] = [
  ['nothing is written', 'name_within_reach', []],
  ['a name is blocked', 'blocked_by_dns_rule r0', [block]],
  ['another name', 'name_within_reach', [{ ...block, names: ['x.corp.internal'] }]],
  ['all names below a zone', 'blocked_by_dns_rule r0', [{ ...block, names: ['*.corp.internal'] }]],
  ['every name', 'blocked_by_dns_rule r0', [{ ...block, names: ['*'] }]],
  [
    'the zone itself is not below it',
    'name_not_permitted',
    [{ ...block, names: ['*.corp.internal'] }],
    'corp.internal',
  ],
  [
    'the first by precedence decides',
    'allowed_by_dns_rule r1',
    [
      { ...block, precedence: 9 },
      { ...block, action: 'allow' },
    ],
  ],
  ['a rule for others', 'name_within_reach', [{ ...block, include: others }]],
  ['a rule for some', 'blocked_by_dns_rule r0', [{ ...block, include: engineers }]],
  ['an exception', 'name_within_reach', [{ ...block, exclude: engineers }]],
  ['another type', 'name_within_reach', [{ ...block, types: ['MX', 'TXT'] }]],
  ['this type', 'blocked_by_dns_rule r0', [{ ...block, types: ['a'] }]],
  [
    'ANY would bring it',
    'blocked_by_dns_rule r0',
    [{ ...block, types: ['A'] }],
    'wiki.corp.internal',
    'ANY',
  ],
  ['an answer of its own', 'overridden_by_dns_rule r0', [toHoneypot]],
  [
    'a name at which nothing is open',
    'allowed_by_dns_rule r0',
    [{ ...block, action: 'allow', names: ['*.corp.internal', 'corp.internal'] }],
    'corp.internal',
    'MX',
  ],
  ['who is unknown is blocked', 'blocked_by_dns_rule r0', [{ ...block, exclude: [{ amr: 'x' }] }]],
  [
    'who is unknown is not allowed',
    'name_not_permitted',
    [{ ...block, action: 'allow', names: ['*'], include: [{ amr: 'x' }] }],
    'corp.internal',
  ],
  [
    'a public name may be blocked',
    'blocked_by_dns_rule r0',
    [{ ...block, names: ['*.ads.example'] }],
    'x.ads.example',
  ],
  [
    'a public name is not looked up, whatever a rule says',
    'name_not_private',
    [{ ...block, action: 'allow', names: ['*'] }],
    'example.com',
  ],
  ['a rule that is over', 'name_within_reach', [{ ...block, expires: '2020-01-01T00:00:00Z' }]],
]

for (const [title, expected, rules, name, type] of QUESTIONS) {
  test(`G12: a question: ${title}`, (t) => {
    t.is(ask(rules, name, type), expected)
  })
}

test('G12: a connection to a name that is blocked is refused, whoever resolved it', (t) => {
  const denial = flow([block])
  t.like(denial, { kind: 'denial', reason: 'blocked_by_dns_rule', rule: 'r0' })
  t.is(flow([{ ...block, include: others }]).kind, 'permit')
  t.is(flow([{ ...block, types: ['MX'] }]).kind, 'permit')
  const publicOne = flow([{ ...block, names: ['ads.example'] }], 'ads.example:443')
  t.is(publicOne.reason, 'blocked_by_dns_rule')
  const atAddress = { ...factsOf('wiki.corp.internal:443', { address: '10.1.2.3' }) }
  t.is(evaluate(policyWith(block), atAddress, NOW).reason, 'blocked_by_dns_rule')
})

test('G12: a connection goes where the rules say that the name leads', (t) => {
  const v4 = { addresses: ['10.9.9.9'] }
  t.like(flow([toHoneypot]), { kind: 'permit', names: { v4, v6: { addresses: ['fd00::9'] } } })
  const alias = { alias: 'other.corp.internal' }
  t.like(flow([toOther]), { names: { v4: alias, v6: alias } })
  t.like(flow([{ ...block, types: ['AAAA'] }]), { names: { v4: 'own', v6: 'none' } })
  t.like(flow([{ ...toHoneypot, addresses: ['10.9.9.9'] }]), { names: { v4, v6: 'none' } })
  t.false('names' in flow([]))
})

test('G12: an allowed question opens no connection', (t) => {
  const rule = { ...block, action: 'allow', names: ['*'] }
  t.is(flow([rule], 'corp.internal:443').reason, 'no_application')
})

test('G12: the trace names the rules that were looked at, and the selector that decided', (t) => {
  const trace = [
    { phase: 'dns', name: 'r0', outcome: 'no_match', detail: 'block' },
    { phase: 'dns', name: 'r1', outcome: 'matched', detail: 'block', selector: 'everyone' },
  ]
  t.deepEqual(flow([{ ...block, include: others }, block]).trace, trace)
})

const MISTAKES: Readonly<Record<string, readonly [Rule | readonly Rule[], string]>> = {
  'a name that is none': [{ ...block, names: ['a..b'] }, 'dns.rules[0].names[0]'],
  'no names': [{ ...block, names: [] }, 'dns.rules[0].names'],
  'an unknown type': [{ ...block, types: ['AAAAA'] }, 'dns.rules[0].types[0]'],
  'a type out of bounds': [{ ...block, types: ['TYPE65536'] }, 'dns.rules[0].types[0]'],
  'an unknown action': [{ ...block, action: 'drop' }, 'dns.rules[0].action'],
  'an override without an answer': [{ ...block, action: 'override' }, 'dns.rules[0]'],
  'an override with two answers': [{ ...toHoneypot, alias: 'x.test' }, 'dns.rules[0]'],
  'a block with addresses': [{ ...toHoneypot, action: 'block' }, 'dns.rules[0].addresses'],
  'an allow with a text': [{ ...block, action: 'allow', text: 'x' }, 'dns.rules[0].text'],
  'a long text': [{ ...block, text: 'x'.repeat(101) }, 'dns.rules[0].text'],
  'an unknown group': [
    { ...block, include: [{ rule_group: 'x' }] },
    'dns.rules[0].include[0].rule_group',
  ],
  'an evaluator': [{ ...block, include: [{ external: 'x' }] }, 'dns.rules[0].include[0].external'],
  'one precedence twice': [[block, { ...block, precedence: 0 }], 'dns.rules[1].precedence'],
  'one name twice': [[block, { ...block, name: 'r0' }], 'dns.rules[1].name'],
  'an unknown key': [{ ...block, ttl: 1 }, 'dns.rules[0].ttl'],
}

for (const [title, [rules, path]] of Object.entries(MISTAKES)) {
  test(`G12 T92: a mistake: ${title}`, (t) => {
    const parsed = parsePolicy({ dns: { rules: numbered([rules].flat()) } })
    const paths = parsed.ok ? [] : parsed.error.map((one) => formatPath(one.path))
    t.true(paths.includes(path), paths.join(', '))
  })
}
