/** What a decision came to, short enough to compare and to count. */
import type { Decision } from '../policy/decision.ts'
import type { Reason } from '../policy/reasons.ts'

export type Outcome = {
  readonly verdict: 'permit' | 'denial'
  readonly reason: Reason
  readonly application?: string
  readonly policy?: string
  readonly rule?: string
}

export function outcomeOf({ kind, reason, application, policy, rule }: Decision): Outcome {
  return {
    verdict: kind,
    reason,
    ...(application !== undefined && { application }),
    ...(policy !== undefined && { policy }),
    ...(rule !== undefined && { rule }),
  }
}
