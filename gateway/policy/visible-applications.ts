/**
 * Answers about a policy for people: which applications somebody may use.
 */
import type { VisibleApplication } from '#lib/wire/control-message'
import { readAsker, standingRefusal } from './asker.ts'
import type { CompiledApplication, CompiledPolicy } from './compile.ts'
import { ConditionEvaluator } from './condition.ts'
import type { Facts } from './facts.ts'
import { applies, lineOutcome } from './phases/application.ts'

/** Applications of which a policy admits this subject, in the order written. The destination in `facts` does not matter. */
export function visibleApplications(
  policy: CompiledPolicy,
  facts: Facts,
  nowSeconds: number,
): VisibleApplication[] {
  if (standingRefusal(facts, nowSeconds) !== undefined) return []
  const moment = { nowSeconds, validUntilSeconds: Number.POSITIVE_INFINITY }
  const conditions = new ConditionEvaluator(policy.ruleGroups, readAsker(facts), moment)
  return policy.applicationList.filter((one) => admits(one, conditions)).map(toVisible)
}

function admits({ policies }: CompiledApplication, conditions: ConditionEvaluator): boolean {
  const line = policies.find((one) => applies(one, lineOutcome(one, conditions)))
  return line !== undefined && line.decision !== 'deny'
}

function toVisible({ name, written }: CompiledApplication): VisibleApplication {
  return {
    name,
    destinations: written.destinations.map(({ text }) => text),
    ...(written.protocol !== undefined && { protocol: written.protocol }),
    ...(written.ssh !== undefined && { unixUsers: written.ssh.unixUsers }),
  }
}
