import test from 'ava'
import { neededEvaluations } from '../../../gateway/policy/needed-evaluations.ts'
import { everyone, factsOf, open, policyOf, RISK } from '../../support/policy-builder.ts'

const by = (name: string) => [{ external: name }]
const group = (name: string) => [{ rule_group: name }]
const application = (name: string, condition: object) => ({
  name,
  destinations: [`${name}.corp:443`],
  policies: [{ name: 'p', decision: 'allow', include: everyone, ...condition }],
})

const policy = policyOf({
  evaluators: ['risk', 'score', 'unused'].map((name) => ({ ...RISK, name })),
  rule_groups: [
    { name: 'direct', include: by('risk') },
    { name: 'nested', include: group('direct'), exclude: by('score') },
  ],
  network_rules: [
    {
      ...{ name: 'r', precedence: 1, action: 'block', destinations: ['ruled.corp:443'] },
      include: by('score'),
    },
  ],
  applications: [
    open('plain', ['plain.corp:443']),
    application('included', { include: by('risk') }),
    application('required', { require: by('score') }),
    application('excluded', { exclude: by('risk') }),
    application('nested', { require: group('nested') }),
    application('ruled', { require: by('risk') }),
  ],
})

const needed: Record<string, readonly string[] | undefined> = {
  plain: undefined,
  included: ['risk'],
  required: ['score'],
  excluded: ['risk'],
  nested: ['risk', 'score'],
  ruled: ['risk', 'score'],
  nowhere: undefined,
}
for (const [name, wanted] of Object.entries(needed)) {
  test(`A3: for ${name}.corp are asked: ${wanted?.join(', ') ?? 'nobody'}`, (t) => {
    const found = neededEvaluations(policy, factsOf(`${name}.corp:443`))
    t.deepEqual(found?.evaluators.map((one) => one.name).sort(), wanted)
    t.is(found?.application, wanted && name)
  })
}

test('A3: which evaluators a line looks at is found once, when the policy is compiled', (t) => {
  const [plain, included] = policy.applicationList
  t.deepEqual(plain?.evaluators, [])
  t.deepEqual(included?.evaluators, [policy.document.evaluators[0]])
})
