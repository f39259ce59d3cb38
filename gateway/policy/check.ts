/**
 * Checks across the parts of a policy: names used twice, rule groups that are not there, ambiguous overlaps.
 * They read the undecoded value and skip what is malformed, so that one mistake elsewhere does not hide another here.
 */
import { type Mistake, type Path, quote } from '#lib/config/mistake'
import { isMapping } from '#lib/config/shape'
import { checkSsh, criteriaClaims } from './check-ssh.ts'
import { NESTING_LIMIT } from './condition.ts'
import { parseDestination } from './destination.ts'
import { type Claim, findOverlaps } from './overlap.ts'
import { conditionsOf, dnsItems, type Item, items, named, selectorsOf } from './raw-policy.ts'
import { unknownReferences } from './references.ts'

/** All mistakes that no single part shows. Never throws. */
export function checkPolicy(policy: unknown, path: Path): Mistake[] {
  if (!isMapping(policy)) return []
  const groups = items(policy, 'rule_groups', path)
  const applications = items(policy, 'applications', path)
  const rules = items(policy, 'network_rules', path)
  const checks = items(policy, 'posture_checks', path)
  const policies = applications.map(({ value, path: at }) => items(value, 'policies', at))
  return [
    ...[
      checks,
      groups,
      applications,
      rules,
      items(policy, 'lists', path),
      items(policy, 'evaluators', path),
      items(policy, 'ssh_certificates', path),
      ...policies,
    ].flatMap((list) => repeated(list, 'name')),
    ...repeated(items(policy, 'ssh_alerts', path), 'name'),
    ...repeated(items(policy, 'tests', path), 'name'),
    ...repeated(rules, 'precedence'),
    ...repeated(rules, 'phase'),
    ...unknownReferences(policy, conditionsOf(policy, path), path),
    ...nestedTooDeep(groups),
    ...checkSsh(policy, path),
    ...policies.flat().flatMap(consentMismatch),
    ...repeated(items(policy, 'ssh_targets', path), 'label'),
    // Whose resolvers would count is otherwise anybody's guess.
    ...repeated(dnsItems(policy, 'zones', path), 'domain'),
    ...['name', 'precedence'].flatMap((key) => repeated(dnsItems(policy, 'rules', path), key)),
    ...dnsItems(policy, 'rules', path).flatMap(evaluatorOfNames),
    ...findOverlaps([...applications.flatMap(claims), ...criteriaClaims(policy, path)]),
  ]
}

/** Later items whose `key` has the value of an earlier one. */
function repeated(list: readonly Item[], key: string): Mistake[] {
  const seen = new Set<unknown>()
  return list.flatMap(({ value, path }) => {
    const found = Object.hasOwn(value, key) ? value[key] : undefined
    if (found === undefined || !seen.has(found)) {
      seen.add(found)
      return []
    }
    return [{ path: [...path, key], message: `the ${key} ${quote(found)} is used twice` }]
  })
}

/** Evaluators are asked about connections. */
function evaluatorOfNames(rule: Item): Mistake[] {
  return selectorsOf(rule).flatMap(({ key, path }) =>
    key === 'external'
      ? [{ path, message: 'no evaluator is asked about a name; write a network rule for it' }]
      : [],
  )
}

/** Settles groups level by level; what is left after the limit contains itself or is too deep. */
function nestedTooDeep(groups: readonly Item[]): Mistake[] {
  const settled = new Set<unknown>()
  let open = groups.map((item) => ({ item, uses: usesOf(item), name: named([item])[0] ?? '' }))
  const known = new Set<unknown>(open.map(({ name }) => name))
  for (let level = 0; level <= NESTING_LIMIT; level++) {
    const ready = open.filter(({ uses }) =>
      uses.every((group) => settled.has(group) || !known.has(group)),
    )
    for (const { name } of ready) settled.add(name)
    open = open.filter(({ name }) => !settled.has(name))
  }
  return open.map(({ item, name }) => ({
    path: item.path,
    message: `the rule group ${quote(name)} contains itself, or groups more than ${NESTING_LIMIT} deep`,
  }))
}

function usesOf(group: Item): unknown[] {
  return selectorsOf(group).flatMap(({ key, value }) => (key === 'rule_group' ? [value] : []))
}

/** Only an `allow` asks a person for anything. */
function consentMismatch({ value, path }: Item): Mistake[] {
  const keys = ['justify', 'approval'].filter((key) => Object.hasOwn(value, key))
  if (value['decision'] === 'allow') return []
  return keys.map((key) => ({
    path: [...path, key],
    message: 'only a policy with "decision: allow" has this key',
  }))
}

function claims({ value, path }: Item): Claim[] {
  const list = Object.hasOwn(value, 'destinations') ? value['destinations'] : undefined
  if (!Array.isArray(list) || typeof value['name'] !== 'string') return []
  const application = value['name']
  return list.flatMap((text: unknown, index) => {
    const parsed = typeof text === 'string' ? parseDestination(text) : { wrong: '' }
    if ('wrong' in parsed) return []
    return [{ application, destination: parsed.value, path: [...path, 'destinations', index] }]
  })
}
