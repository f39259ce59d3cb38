/**
 * What a decision on a host looks at, in order, written as plainly as ./naive-policy.ts: every rule and every policy in
 * turn, no index, nothing shared.
 */
import type {
  AccessPolicy,
  Condition,
  NetworkRule,
  PolicyDocument,
} from '../../gateway/policy/document.ts'
import type { Facts } from '../../gateway/policy/facts.ts'
import type { Timing } from '../../gateway/policy/schedule.ts'
import {
  any,
  countsAt,
  covers,
  meantBy,
  mostSpecific,
  names,
  selectorTruth,
} from './naive-policy.ts'

type Step = { readonly phase: string; readonly name: string; readonly outcome: string }
type Walk = { readonly steps: readonly Step[]; readonly isDecided: boolean }

/** Steps through rules and the application of the host; nothing about the address, the default or QUIC. */
export function naiveTrace(document: PolicyDocument, facts: Facts, nowSeconds: number): Step[] {
  const phase = { kind: 'application_phase', precedence: Number.POSITIVE_INFINITY } as const
  const hasPhase = document.networkRules.some(({ kind }) => kind === phase.kind)
  const lines = [...document.networkRules, ...(hasPhase ? [] : [phase])]
  const steps: Step[] = []
  for (const line of lines.sort((a, b) => a.precedence - b.precedence)) {
    const walk =
      line.kind === 'rule'
        ? ruleWalk(document, facts, line, nowSeconds)
        : ownerWalk(document, facts, nowSeconds)
    steps.push(...walk.steps)
    if (walk.isDecided) break
  }
  return steps
}

function ruleWalk(
  document: PolicyDocument,
  facts: Facts,
  rule: NetworkRule,
  nowSeconds: number,
): Walk {
  const { host } = facts.destination
  const isHere = rule.destinations.some((one) => covers(one, facts, host, meantBy(rule)))
  if (!isHere) return { steps: [], isDecided: false }
  const outcome = lineOutcome(document, rule, facts, nowSeconds)
  const isMet =
    outcome === 'matched' || (rule.action === 'block' && outcome === 'attribute_missing')
  const steps = [{ phase: 'network', name: rule.name, outcome }]
  return { steps, isDecided: isMet && rule.action !== 'continue' }
}

function ownerWalk(document: PolicyDocument, facts: Facts, nowSeconds: number): Walk {
  const owner = mostSpecific(document, facts, facts.destination.host, false)
  if (owner === undefined) return { steps: [], isDecided: false }
  const { name, policies } = owner.application
  const steps: Step[] = [{ phase: 'application', name, outcome: 'matched' }]
  for (const line of policies) {
    const outcome = policyOutcome(document, line, facts, nowSeconds)
    steps.push({ phase: 'application', name: `${name}/${line.name}`, outcome })
    if (outcome === 'matched') break
    if (line.decision === 'deny' && outcome === 'attribute_missing') break
  }
  return { steps, isDecided: true }
}

function policyOutcome(
  document: PolicyDocument,
  line: AccessPolicy,
  facts: Facts,
  nowSeconds: number,
): string {
  if (line.decision !== 'service') return lineOutcome(document, line, facts, nowSeconds)
  const apart = timingOutcome(line.timing, nowSeconds)
  if (apart !== undefined) return apart
  if (facts.subject.service === undefined) return 'no_match'
  return conditionOutcome(document, line, facts, nowSeconds, true)
}

function lineOutcome(
  document: PolicyDocument,
  line: Condition & { readonly timing: Timing },
  facts: Facts,
  nowSeconds: number,
): string {
  const isNamed =
    facts.subject.service === undefined || names(document, line.include, facts, nowSeconds)
  return (
    timingOutcome(line.timing, nowSeconds) ??
    conditionOutcome(document, line, facts, nowSeconds, isNamed)
  )
}

function timingOutcome(timing: Timing, nowSeconds: number): string | undefined {
  if (countsAt(timing, nowSeconds)) return undefined
  const { expiresAtSeconds = Number.POSITIVE_INFINITY } = timing
  return expiresAtSeconds <= nowSeconds ? 'expired' : 'not_scheduled'
}

function conditionOutcome(
  document: PolicyDocument,
  { include, require, exclude }: Condition,
  facts: Facts,
  nowSeconds: number,
  isNamed: boolean,
): string {
  const truths = (list: Condition['include']) =>
    list.map((one) => selectorTruth(document, one, facts, nowSeconds))
  const included = any(truths(include))
  if (included === false) return 'no_match'
  if (truths(require).includes(false)) return 'requirement_missing'
  const excluded = any(truths(exclude))
  if (excluded === true) return 'excluded'
  const isKnown = included === true && isNamed && excluded === false
  return isKnown && !truths(require).includes(undefined) ? 'matched' : 'attribute_missing'
}
