/**
 * The decision on a question of the DNS: the rules of its phase, then whether anything at the name is open to who asks.
 * Pure and total: what nothing opens may not be asked for. Nothing is looked up before it, so that it says nothing of
 * what is there.
 */
import { readAsker, standingRefusal } from './asker.ts'
import type { CompiledPolicy } from './compile.ts'
import { ConditionEvaluator } from './condition.ts'
import type { TraceStep } from './decision.ts'
import type { NameAction } from './document.ts'
import type { Facts } from './facts.ts'
import { type Asking, type NameQuestion, type NameRuleFound, nameRuleFor } from './phases/dns.ts'
import { hostOfName, privateZoneOf } from './private-name.ts'
import type { Reason } from './reasons.ts'
import { withinReach } from './within-reach.ts'

/** What is known of who asks. */
export type AskerFacts = Omit<Facts, 'destination' | 'protocol'>

/** What came of a question. */
export type NameDecision = {
  /** `permit`: resolvers are asked. `override`: the answer is in `effect`. */
  readonly kind: 'permit' | 'override' | 'denial'
  readonly reason: Reason
  readonly rule?: string
  /** The name that the rule is about, where the one asked for leads to it. */
  readonly alias?: string
  /** Of the rule. */
  readonly effect?: NameAction
  /** The private zone that holds the name. */
  readonly zone?: string
  readonly revision: number
  readonly trace: readonly TraceStep[]
}

type NameVerdict = Omit<NameDecision, 'revision' | 'trace'>

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
  return { ...verdictOn(policy, question, { conditions, trace }), revision, trace }
}

function verdictOn(policy: CompiledPolicy, question: NameQuestion, asking: Asking): NameVerdict {
  const zone = privateZoneOf(policy.document, question.name)
  const decides = nameRuleFor(policy, question, asking)
  const verdict = decides && verdictOf(decides)
  const found = verdict ?? reachVerdict(policy, question, asking)
  if (zone !== undefined) return { ...found, zone }
  // What a rule answers of itself it may answer anywhere; to look up is for our zones.
  if (verdict !== undefined && verdict.kind !== 'permit') return verdict
  asking.trace.push({ phase: 'dns', name: 'private zones', outcome: 'no_match' })
  return { kind: 'denial', reason: 'name_not_private' }
}

function verdictOf({ rule: { name: rule, effect }, ...by }: NameRuleFound): NameVerdict {
  switch (effect.kind) {
    case 'allow':
      return { kind: 'permit', reason: 'allowed_by_dns_rule', rule, effect, ...by }
    case 'block':
      return { kind: 'denial', reason: 'blocked_by_dns_rule', rule, effect, ...by }
    case 'override':
      return { kind: 'override', reason: 'overridden_by_dns_rule', rule, effect, ...by }
  }
}

function reachVerdict(
  policy: CompiledPolicy,
  { name }: NameQuestion,
  { conditions, trace }: Asking,
): NameVerdict {
  const opener = withinReach(policy, hostOfName(name), conditions)
  const outcome = opener === undefined ? 'no_match' : 'matched'
  trace.push({ phase: 'dns', name: opener ?? 'within reach', outcome })
  return opener === undefined
    ? { kind: 'denial', reason: 'name_not_permitted' }
    : { kind: 'permit', reason: 'name_within_reach' }
}
