/**
 * Names that selectors use, held against what the policy defines.
 */
import { didYouMean, type Mistake, quote } from '#lib/config/mistake'
import { type Item, items, named, type Raw, type RawSelector, selectorsOf } from './raw-policy.ts'
import { LIST_SELECTORS } from './selector.ts'

/** A mistake for each name that is not there, or is of another kind. */
export function unknownReferences(policy: Raw, conditions: readonly Item[]): Mistake[] {
  const groups = named(items(policy, 'rule_groups', []))
  const checks = named(items(policy, 'posture_checks', []))
  const lists = items(policy, 'lists', [])
  return conditions.flatMap(selectorsOf).flatMap((one) => {
    if (one.key === 'rule_group') return unknownName(one, 'rule group', groups)
    if (one.key === 'device_posture') return unknownName(one, 'posture check', checks)
    const kind = LIST_SELECTORS.get(one.key)
    if (kind === undefined) return []
    const fitting = lists.filter(({ value }) => value['kind'] === kind)
    return unknownName(one, `list of kind ${kind}`, named(fitting))
  })
}

function unknownName(
  { value, path }: RawSelector,
  what: string,
  known: readonly string[],
): Mistake[] {
  if (typeof value !== 'string' || known.includes(value)) return []
  return [{ path, message: `there is no ${what} ${quote(value)}${didYouMean(value, known)}` }]
}
