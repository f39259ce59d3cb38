/**
 * Which policy asks for a purpose or an approval, and whether somebody may approve there. Pure.
 */
import { readAsker } from '../policy/asker.ts'
import type { CompiledPolicy, CompiledPolicyLine } from '../policy/compile.ts'
import { ConditionEvaluator, type SelectorSet } from '../policy/condition.ts'
import { selectorText } from '../policy/selector-text.ts'
import type { User } from '../store/store.ts'

/** A policy of an application, by name; without a name the first that asks for what is wanted. */
export function findLine(
  policy: CompiledPolicy,
  { application, policy: name }: { readonly application: string; readonly policy?: string },
  wanted: 'justify' | 'approval',
): CompiledPolicyLine | undefined {
  const found = policy.applicationList.find((one) => one.name === application)
  return found?.policies.find(
    (line) => line.consent[wanted] !== undefined && (name === undefined || line.name === name),
  )
}

/** Whether a person is one of the approvers; nothing is known of their device, which then admits nobody. */
export function isApprover(
  policy: CompiledPolicy,
  approvers: SelectorSet,
  user: User,
  nowSeconds: number,
): boolean {
  if (user.disabledAtMs !== undefined) return false
  const asker = readAsker({
    subject: {
      userId: user.id,
      email: user.email,
      groups: user.groups,
      deviceId: '',
      provider: user.provider,
      claims: user.claims,
    },
    sourceAddress: '',
  })
  const moment = { nowSeconds, validUntilSeconds: Number.POSITIVE_INFINITY }
  return new ConditionEvaluator(policy.ruleGroups, asker, moment).any(approvers) === 'yes'
}

/** The approvers as the policy names them: `group: leads`. */
export function approverTexts({ selectors }: SelectorSet): readonly string[] {
  return selectors.map(selectorText)
}
