/**
 * Answers about a policy for people: why a flow would pass or not, and which applications somebody may use.
 */
import type { Explanation, VisibleApplication } from '#lib/wire/control-message'
import { isDisabled, readAsker } from './asker.ts'
import type { CompiledApplication, CompiledPolicy } from './compile.ts'
import { ConditionEvaluator } from './condition.ts'
import { evaluate } from './evaluate.ts'
import type { Facts } from './facts.ts'
import { applies, lineOutcome } from './phases/application.ts'
import { sentenceFor } from './reasons.ts'

/** The decision that a flow with these facts would get, with its trace. */
export function explain(policy: CompiledPolicy, facts: Facts, nowSeconds: number): Explanation {
  const {
    kind,
    reason,
    application,
    policy: line,
    rule,
    revision,
    trace,
  } = evaluate(policy, facts, nowSeconds)
  return {
    host: facts.destination.host,
    port: facts.destination.port,
    verdict: kind,
    reason,
    sentence: sentenceFor(reason),
    ...(application !== undefined && { application }),
    ...(line !== undefined && { policy: line }),
    ...(rule !== undefined && { rule }),
    revision,
    trace,
  }
}

/** Applications of which a policy admits this subject, in the order written. The destination in `facts` does not matter. */
export function visibleApplications(
  policy: CompiledPolicy,
  facts: Facts,
  nowSeconds: number,
): VisibleApplication[] {
  if (isDisabled(facts)) return []
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
