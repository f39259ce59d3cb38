/**
 * Which external evaluators a decision will look at: those that the application and the network rules of its destination
 * name. Asked before the decision, since evaluation itself asks nobody.
 */
import { parseHost } from '#lib/net/endpoint'
import type { CompiledPolicy } from './compile.ts'
import { type CompiledCondition, NESTING_LIMIT } from './condition.ts'
import type { Evaluator } from './document.ts'
import type { Facts } from './facts.ts'

export type Needed = {
  /** The application that owns the destination. */
  readonly application?: string
  readonly evaluators: readonly Evaluator[]
}

/** @returns undefined when nobody is to be asked, at once where the policy has no evaluators. */
export function neededEvaluations(policy: CompiledPolicy, facts: Facts): Needed | undefined {
  const { evaluators } = policy.document
  if (evaluators.length === 0) return undefined
  const { host: hostText, port, transport } = facts.destination
  const host = parseHost(hostText)
  if (!host.ok) return undefined
  const service = { port, transport }
  const [owner] = policy.applications.matches(host.value, service)
  const rules = [policy.rulesBefore, policy.rulesAfter].flatMap((index) =>
    index.matches(host.value, service).map(({ value }) => value.condition),
  )
  const conditions = [...rules, ...(owner?.value.policies ?? []).map(({ condition }) => condition)]
  const names = new Set(conditions.flatMap((one) => namesIn(policy, one, 0)))
  const needed = evaluators.filter(({ name }) => names.has(name))
  if (needed.length === 0) return undefined
  return { evaluators: needed, ...(owner !== undefined && { application: owner.value.name }) }
}

function namesIn(policy: CompiledPolicy, condition: CompiledCondition, depth: number): string[] {
  const sets = [condition.include, ...condition.require, condition.exclude]
  return sets.flatMap(({ selectors, ruleGroups }) => [
    ...selectors.flatMap((one) => (one.kind === 'external' ? [one.evaluator] : [])),
    ...ruleGroups.flatMap((name) => {
      const group = policy.ruleGroups.get(name)
      return group === undefined || depth > NESTING_LIMIT ? [] : namesIn(policy, group, depth + 1)
    }),
  ])
}
