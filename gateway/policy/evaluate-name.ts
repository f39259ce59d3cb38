/**
 * The decision on a question of the DNS. Pure and total: what nothing opens may not be asked for. Nothing is looked up
 * before it, so that it says nothing of what is there.
 */
import { readAsker, standingRefusal } from './asker.ts'
import type { CompiledPolicy } from './compile.ts'
import { ConditionEvaluator } from './condition.ts'
import type { TraceStep } from './decision.ts'
import type { Facts } from './facts.ts'
import { hostOfName, privateZoneOf } from './private-name.ts'
import type { Reason } from './reasons.ts'
import { withinReach } from './within-reach.ts'

/** What is asked for. */
export type NameQuestion = {
  /** As `readName` gives it. */
  readonly name: string
  /** Number of the record type. */
  readonly type: number
}

/** What is known of who asks. */
export type AskerFacts = Omit<Facts, 'destination' | 'protocol'>

/** What came of a question. */
export type NameDecision = {
  /** `permit`: resolvers are asked. */
  readonly kind: 'permit' | 'denial'
  readonly reason: Reason
  /** The private zone that holds the name. */
  readonly zone?: string
  readonly revision: number
  readonly trace: readonly TraceStep[]
}

type NameVerdict = Pick<NameDecision, 'kind' | 'reason' | 'zone'>

/** @param nowSeconds Unix time. */
export function evaluateName(
  policy: CompiledPolicy,
  facts: AskerFacts,
  question: NameQuestion,
  nowSeconds: number,
): NameDecision {
  const { revision } = policy
  const refusal = standingRefusal(facts, nowSeconds)
  if (refusal !== undefined) return { kind: 'denial', reason: refusal, revision, trace: [] }
  const moment = { nowSeconds, validUntilSeconds: Number.POSITIVE_INFINITY }
  const conditions = new ConditionEvaluator(policy.ruleGroups, readAsker(facts), moment)
  const trace: TraceStep[] = []
  return { ...verdictOn(policy, question, conditions, trace), revision, trace }
}

function verdictOn(
  policy: CompiledPolicy,
  { name }: NameQuestion,
  conditions: ConditionEvaluator,
  trace: TraceStep[],
): NameVerdict {
  const zone = privateZoneOf(policy.document, name)
  if (zone === undefined) {
    trace.push({ phase: 'dns', name: 'private zones', outcome: 'no_match' })
    return { kind: 'denial', reason: 'name_not_private' }
  }
  const opener = withinReach(policy, hostOfName(name), conditions)
  const outcome = opener === undefined ? 'no_match' : 'matched'
  trace.push({ phase: 'dns', name: opener ?? 'within reach', outcome })
  return opener === undefined
    ? { kind: 'denial', reason: 'name_not_permitted', zone }
    : { kind: 'permit', reason: 'name_within_reach', zone }
}
