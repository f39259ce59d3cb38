/**
 * Names that selectors use, held against what the policy defines.
 */
import { didYouMean, type Mistake, type Path, quote } from '#lib/config/mistake'
import { type Item, items, named, type Raw, type RawSelector, selectorsOf } from './raw-policy.ts'
import { LIST_SELECTORS } from './selector.ts'

/** A mistake for each name that is not there, or is of another kind. */
export function unknownReferences(policy: Raw, conditions: readonly Item[], path: Path): Mistake[] {
  const groups = named(items(policy, 'rule_groups', []))
  const checks = named(items(policy, 'posture_checks', []))
  const evaluators = named(items(policy, 'evaluators', []))
  const lists = items(policy, 'lists', [])
  const ofKind = (kind: string) => named(lists.filter(({ value }) => value['kind'] === kind))
  const serialLists = items(policy, 'posture_checks', path).flatMap(({ value, path: at }) =>
    unknownName(
      { key: 'serial_list', value: value['serial_list'], path: [...at, 'serial_list'] },
      'list of kind serial',
      ofKind('serial'),
    ),
  )
  const selectors = conditions.flatMap(selectorsOf).flatMap((one) => {
    if (one.key === 'rule_group') return unknownName(one, 'rule group', groups)
    if (one.key === 'device_posture') return unknownName(one, 'posture check', checks)
    if (one.key === 'external') return unknownName(one, 'external evaluator', evaluators)
    const kind = LIST_SELECTORS.get(one.key)
    if (kind === undefined) return []
    return unknownName(one, `list of kind ${kind}`, ofKind(kind))
  })
  return [...serialLists, ...selectors]
}

function unknownName(
  { value, path }: RawSelector,
  what: string,
  known: readonly string[],
): Mistake[] {
  if (typeof value !== 'string' || known.includes(value)) return []
  return [{ path, message: `there is no ${what} ${quote(value)}${didYouMean(value, known)}` }]
}
