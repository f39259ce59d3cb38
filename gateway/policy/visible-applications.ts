/**
 * Answers about a policy for people: which applications somebody may use.
 */
import type { VisibleApplication } from '#lib/wire/control-message'
import { readAsker, standingRefusal } from './asker.ts'
import type { CompiledApplication, CompiledPolicy } from './compile.ts'
import { ConditionEvaluator } from './condition.ts'
import type { Facts } from './facts.ts'
import { applies, lineOutcome } from './phases/application.ts'
import { namedUsers } from './unix-users.ts'

/** Applications of which a policy admits this subject, in the order written. The destination in `facts` does not matter. */
export function visibleApplications(
  policy: CompiledPolicy,
  facts: Facts,
  nowSeconds: number,
): VisibleApplication[] {
  if (standingRefusal(facts, nowSeconds) !== undefined) return []
  const moment = { nowSeconds, validUntilSeconds: Number.POSITIVE_INFINITY }
  const asker = readAsker(facts)
  const conditions = new ConditionEvaluator(policy.ruleGroups, asker, moment)
  return policy.applicationList.flatMap((one) => {
    const line = admittingLine(one, conditions)
    return line === undefined ? [] : [toVisible(one, namedUsers(line.unixUsers, asker.mailbox))]
  })
}

/** The policy that admits somebody, whatever else it asks of them. */
export function admittingLine({ policies }: CompiledApplication, conditions: ConditionEvaluator) {
  const line = policies.find((one) => applies(one, lineOutcome(one, conditions)))
  return line?.decision === 'deny' ? undefined : line
}

function toVisible(
  { name, written, destinations }: CompiledApplication,
  unixUsers: readonly string[],
): VisibleApplication {
  return {
    name,
    destinations: destinations.map(({ text }) => text),
    ...(written.protocol !== undefined && { protocol: written.protocol }),
    ...(written.ssh !== undefined && { unixUsers }),
  }
}
