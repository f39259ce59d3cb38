/** Which external evaluators conditions look at, rule groups within them included. Found when a policy is compiled. */
import type { CompiledCondition } from './condition.ts'
import type { Evaluator } from './document.ts'

/** Those that any of the conditions looks at, each once. */
export type EvaluatorFinder = (conditions: readonly CompiledCondition[]) => readonly Evaluator[]

export function evaluatorFinder(
  evaluators: readonly Evaluator[],
  ruleGroups: ReadonlyMap<string, CompiledCondition>,
): EvaluatorFinder {
  /** @param seen rule groups that were looked into: many lines may lead to one. */
  function namesIn({ include, require, exclude }: CompiledCondition, seen: Set<string>): string[] {
    return [include, ...require, exclude].flatMap(({ selectors, ruleGroups: groups }) => [
      ...selectors.flatMap((one) => (one.kind === 'external' ? [one.evaluator] : [])),
      ...groups.flatMap((name) => {
        const group = seen.has(name) ? undefined : ruleGroups.get(name)
        seen.add(name)
        return group === undefined ? [] : namesIn(group, seen)
      }),
    ])
  }
  return (conditions) => {
    if (evaluators.length === 0) return []
    const seen = new Set<string>()
    const names = new Set(conditions.flatMap((one) => namesIn(one, seen)))
    return evaluators.filter(({ name }) => names.has(name))
  }
}
