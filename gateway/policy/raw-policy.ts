/**
 * A policy before it is decoded: its lines and selectors with their paths. What is malformed is skipped.
 */
import type { Path } from '#lib/config/mistake'
import { isMapping } from '#lib/config/shape'

export type Raw = Readonly<Record<string, unknown>>

/** A mapping and where it stands. */
export type Item = { readonly value: Raw; readonly path: Path }

/** A selector: its key, what is behind it, and where. */
export type RawSelector = { readonly key: string; readonly value: unknown; readonly path: Path }

/** The mappings in the list `parent[key]`. */
export function items(parent: Raw, key: string, path: Path): Item[] {
  const list = Object.hasOwn(parent, key) ? parent[key] : undefined
  if (!Array.isArray(list)) return []
  return list.flatMap((value: unknown, index) =>
    isMapping(value) ? [{ value, path: [...path, key, index] }] : [],
  )
}

/** The names of mappings. */
export function named(list: readonly Item[]): string[] {
  return list.flatMap(({ value }) => (typeof value['name'] === 'string' ? [value['name']] : []))
}

/** The mappings in the list `policy.dns[key]`. */
export function dnsItems({ dns }: Raw, key: string, path: Path): Item[] {
  return isMapping(dns) ? items(dns, key, [...path, 'dns']) : []
}

/** Everything that has selectors: rule groups, policies, ssh blocks, rules of both phases, lines about certificates. */
export function conditionsOf(policy: Raw, path: Path): Item[] {
  return [
    ...items(policy, 'rule_groups', path),
    ...items(policy, 'applications', path).flatMap(({ value, path: at }) =>
      items(value, 'policies', at),
    ),
    ...items(policy, 'applications', path).flatMap(({ value: { ssh }, path: at }) =>
      isMapping(ssh) ? [{ value: ssh, path: [...at, 'ssh'] }] : [],
    ),
    ...dnsItems(policy, 'rules', path),
    ...items(policy, 'network_rules', path),
    ...items(policy, 'ssh_certificates', path),
  ]
}

/** Selectors of a condition, those in `any_of` and of approvers included. */
export function selectorsOf(condition: Item): RawSelector[] {
  const { approval } = condition.value
  const approvers = isMapping(approval)
    ? selectorsIn({ value: approval, path: [...condition.path, 'approval'] }, 'approvers')
    : []
  const own = ['include', 'require', 'exclude', 'moderators'].flatMap((key) =>
    selectorsIn(condition, key),
  )
  return [...own, ...approvers]
}

/** Selectors of one list of a condition, those in `any_of` included. */
export function selectorsIn({ value, path }: Item, key: string): RawSelector[] {
  return items(value, key, path).flatMap((one) => {
    if (Object.hasOwn(one.value, 'any_of')) return selectorsIn(one, 'any_of')
    return Object.entries(one.value).map(([selector, behind]) => ({
      key: selector,
      value: behind,
      path: [...one.path, selector],
    }))
  })
}
