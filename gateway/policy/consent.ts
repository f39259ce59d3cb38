/**
 * Whether a person has what a policy asks for beyond its condition: a stated purpose, the approval of others. Both are
 * bound to user and application, and count for a time.
 */
import { isMapping } from '#lib/config/shape'
import type { SelectorSet } from './condition.ts'
import type { Denial } from './decision.ts'
import type { Facts, Grant } from './facts.ts'

/** What a policy asks for, compiled. */
export type Consent = {
  /** How long a purpose counts. */
  readonly justify?: { readonly validForMs: number }
  readonly approval?: {
    readonly approvers: SelectorSet
    readonly needed: number
    readonly validForMs: number
  }
}

export type ConsentVerdict =
  | { readonly state: 'given'; readonly untilMs: number }
  | ({ readonly state: 'missing' } & Pick<Denial, 'reason' | 'remedy'>)

/** Judges what is there; a purpose is asked for first. */
export function judgeConsent(
  { justify, approval }: Consent,
  { application, policy }: Pick<Grant, 'application' | 'policy'>,
  grants: Facts['grants'],
  nowMs: number,
): ConsentVerdict {
  const until = (kind: Grant['kind'], validForMs: number | undefined) =>
    validForMs === undefined
      ? Number.POSITIVE_INFINITY
      : latestEnd(grants, { kind, application, policy, validForMs })
  const purposeUntilMs = until('purpose', justify?.validForMs)
  if (purposeUntilMs <= nowMs) {
    return { state: 'missing', reason: 'justification_required', remedy: 'justify' }
  }
  const approvalUntilMs = until('approval', approval?.validForMs)
  if (approvalUntilMs <= nowMs) {
    return { state: 'missing', reason: 'approval_required', remedy: 'approval' }
  }
  return { state: 'given', untilMs: Math.min(purposeUntilMs, approvalUntilMs) }
}

type Wanted = Pick<Grant, 'kind' | 'application'> & {
  readonly policy: string | undefined
  readonly validForMs: number
}

/** A grant counts for as long as it says, and no longer than the policy says now. */
function latestEnd(grants: unknown, wanted: Wanted): number {
  const list: readonly unknown[] = Array.isArray(grants) ? grants : []
  const ends = list
    .filter(isGrant)
    .filter((one) => isFor(one, wanted))
    .map(({ grantedAtMs, untilMs }) => Math.min(untilMs, grantedAtMs + wanted.validForMs))
  return Math.max(Number.NEGATIVE_INFINITY, ...ends)
}

function isFor(grant: Grant, { kind, application, policy }: Wanted): boolean {
  const isAsked = grant.policy === undefined || grant.policy === policy
  return isAsked && grant.kind === kind && grant.application === application
}

function isGrant(value: unknown): value is Grant {
  return (
    isMapping(value) && Number.isFinite(value['untilMs']) && Number.isFinite(value['grantedAtMs'])
  )
}
