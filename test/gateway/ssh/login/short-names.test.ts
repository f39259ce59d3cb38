import test from 'ava'
import { shortNames } from '../../../../gateway/ssh/login/short-names.ts'

const cases: Record<string, [string, string[], string[]]> = {
  'the name without its domain': ['db1.corp.internal', ['corp.internal'], ['db1']],
  'one for each domain that fits': [
    'db1.eu.corp.internal',
    ['corp.internal', 'eu.corp.internal', 'example.com'],
    ['db1.eu', 'db1'],
  ],
  'nothing for the domain itself': ['corp.internal', ['corp.internal'], []],
  'nothing for a name that only ends alike': ['dbcorp.internal', ['corp.internal'], []],
  'nothing without domains': ['db1.corp.internal', [], []],
}
for (const [what, [host, domains, wanted]] of Object.entries(cases)) {
  test(`S1: short names: ${what}`, (t) => t.deepEqual(shortNames(host, domains), wanted))
}
