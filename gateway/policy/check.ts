/**
 * Checks across the parts of a policy: names used twice, rule groups that are not there, ambiguous overlaps.
 * They read the undecoded value and skip what is malformed, so that one mistake elsewhere does not hide another here.
 */
import { didYouMean, type Mistake, type Path, quote } from '#lib/config/mistake'
import { isMapping } from '#lib/config/shape'
import { parseDestination } from './destination.ts'
import { type Claim, findOverlaps } from './overlap.ts'

/** Rule groups within rule groups, at most. */
const NESTING_LIMIT = 16

type Raw = Readonly<Record<string, unknown>>
type Item = { readonly value: Raw; readonly path: Path }

/** All mistakes that no single part shows. Never throws. */
export function checkPolicy(policy: unknown, path: Path): Mistake[] {
  if (!isMapping(policy)) return []
  const groups = items(policy, 'rule_groups', path)
  const applications = items(policy, 'applications', path)
  const rules = items(policy, 'network_rules', path)
  const checks = items(policy, 'posture_checks', path)
  const policies = applications.map(({ value, path: at }) => items(value, 'policies', at))
  const groupNames = names(groups)
  const conditions = [...groups, ...policies.flat(), ...rules]
  return [
    ...[checks, groups, applications, rules, ...policies].flatMap((list) => repeated(list, 'name')),
    ...repeated(rules, 'precedence'),
    ...repeated(rules, 'phase'),
    ...conditions.flatMap((item) => unknownGroups(item, groupNames)),
    ...nestedTooDeep(groups),
    ...applications.flatMap(sshMismatch),
    ...findOverlaps(applications.flatMap(claims)),
  ]
}

function items(parent: Raw, key: string, path: Path): Item[] {
  const list = Object.hasOwn(parent, key) ? parent[key] : undefined
  if (!Array.isArray(list)) return []
  return list.flatMap((value: unknown, index) =>
    isMapping(value) ? [{ value, path: [...path, key, index] }] : [],
  )
}

function names(list: readonly Item[]): string[] {
  return list.flatMap(({ value }) => (typeof value['name'] === 'string' ? [value['name']] : []))
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

type Reference = { readonly group: string; readonly path: Path }

function references(item: Item): Reference[] {
  const lists = ['include', 'require', 'exclude'].flatMap((key) =>
    items(item.value, key, item.path),
  )
  return lists.flatMap(({ value, path }) => {
    const group = Object.hasOwn(value, 'rule_group') ? value['rule_group'] : undefined
    return typeof group === 'string' ? [{ group, path: [...path, 'rule_group'] }] : []
  })
}

function unknownGroups(item: Item, known: readonly string[]): Mistake[] {
  return references(item)
    .filter(({ group }) => !known.includes(group))
    .map(({ group, path }) => ({
      path,
      message: `there is no rule group ${quote(group)}${didYouMean(group, known)}`,
    }))
}

/** Settles groups level by level; what is left after the limit contains itself or is too deep. */
function nestedTooDeep(groups: readonly Item[]): Mistake[] {
  const settled = new Set<string>()
  let open = groups.map((item) => ({ item, uses: references(item), name: names([item])[0] ?? '' }))
  const known = new Set(open.map(({ name }) => name))
  for (let level = 0; level <= NESTING_LIMIT; level++) {
    const ready = open.filter(({ uses }) =>
      uses.every(({ group }) => settled.has(group) || !known.has(group)),
    )
    for (const { name } of ready) settled.add(name)
    open = open.filter(({ name }) => !settled.has(name))
  }
  return open.map(({ item, name }) => ({
    path: item.path,
    message: `the rule group ${quote(name)} contains itself, or groups more than ${NESTING_LIMIT} deep`,
  }))
}

/** Limits of ssh stand exactly where ssh is spoken. */
function sshMismatch({ value, path }: Item): Mistake[] {
  const isSsh = value['protocol'] === 'ssh'
  if (isSsh === Object.hasOwn(value, 'ssh')) return []
  return isSsh
    ? [{ path, message: '"ssh" is missing; an ssh application lists its unix_users there' }]
    : [{ path: [...path, 'ssh'], message: 'only an application with "protocol: ssh" has this key' }]
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
