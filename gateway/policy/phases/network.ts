/**
 * The network phase: rules by precedence; the first that blocks or allows decides.
 */
import type { CompiledRule } from '../compile.ts'
import type { Outcome } from '../condition.ts'
import type { DestinationIndex, Entry } from '../destination-index.ts'
import { decidedBy, deny, type Flow, type Verdict } from '../flow.ts'

/** The verdict of the first rule that decides, undefined when none does. Appends to the flow's trace. */
export function networkPhase(
  rules: DestinationIndex<CompiledRule>,
  flow: Flow,
): Verdict | undefined {
  for (const rule of byPrecedence(rules.matches(flow.host, flow.service))) {
    const outcome = ruleOutcome(rule, flow)
    const verdict = applies(rule, outcome) ? verdictOf(rule) : undefined
    const step = { phase: 'network', name: rule.name, outcome, detail: rule.action } as const
    if (verdict !== undefined) {
      flow.trace.push({ ...step, ...decidedBy(rule, outcome, flow) })
      return verdict
    }
    flow.trace.push(step)
  }
  return undefined
}

/** What a rule finds. */
export function ruleOutcome(
  { condition, timing }: Pick<CompiledRule, 'condition' | 'timing'>,
  { conditions }: Pick<Flow, 'conditions'>,
): Outcome {
  const counts = timing?.(conditions.moment) ?? 'counts'
  return counts === 'counts' ? conditions.outcome(condition) : counts
}

/** A rule about somebody unknown blocks, and does not allow. */
export function applies(rule: { readonly action: string }, outcome: Outcome): boolean {
  return outcome === 'matched' || (rule.action === 'block' && outcome === 'attribute_missing')
}

/** Each rule once, lowest precedence number first. */
export function byPrecedence<R extends { readonly precedence: number }>(
  entries: readonly Entry<R>[],
): R[] {
  const rules = entries.map(({ value }) => value)
  return isRising(rules) ? rules : [...new Set(rules)].sort((a, b) => a.precedence - b.precedence)
}

/** As rules of one host mostly are, in the order written; then each is there once. */
function isRising(rules: readonly { readonly precedence: number }[]): boolean {
  let last = Number.NEGATIVE_INFINITY
  for (const { precedence } of rules) {
    if (precedence <= last) return false
    last = precedence
  }
  return true
}

function verdictOf({ action, name }: CompiledRule): Verdict | undefined {
  switch (action) {
    case 'block':
      return deny('blocked_by_rule', { rule: name })
    case 'allow':
      return {
        kind: 'permit',
        reason: 'allowed_by_rule',
        rule: name,
        enforcement: { kind: 'relay' },
      }
    case 'continue':
      return undefined
  }
}
