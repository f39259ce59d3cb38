/**
 * Which external evaluators a decision will look at: those of the application and the network rules of its destination.
 * Asked before the decision, since evaluation itself asks nobody.
 */
import { parseHost } from '#lib/net/endpoint'
import type { CompiledPolicy } from './compile.ts'
import type { Evaluator } from './document.ts'
import type { Facts } from './facts.ts'

export type Needed = {
  /** The application that owns the destination. */
  readonly application?: string
  /** One at least. */
  readonly evaluators: readonly Evaluator[]
}

/** @returns undefined when nobody is to be asked, at once where the policy has no evaluators. */
export function neededEvaluations(policy: CompiledPolicy, facts: Facts): Needed | undefined {
  if (policy.document.evaluators.length === 0) return undefined
  const { host: hostText, port, transport } = facts.destination
  const host = parseHost(hostText)
  if (!host.ok) return undefined
  const service = { port, transport }
  const application = policy.applications.matches(host.value, service)[0]?.value
  const rules = [policy.rulesBefore, policy.rulesAfter].flatMap((index) =>
    index.matches(host.value, service).flatMap(({ value }) => value.evaluators),
  )
  const evaluators = [...new Set([...(application?.evaluators ?? []), ...rules])]
  if (evaluators.length === 0) return undefined
  return { evaluators, ...(application !== undefined && { application: application.name }) }
}
