/**
 * What somebody could do about a denial: where a policy admits them but for how they logged in, or for their device.
 */
import type { CompiledPolicyLine } from './compile.ts'
import type { ConditionEvaluator, Outcome, SelectorSet } from './condition.ts'
import type { Denial } from './decision.ts'

/** Why the nearest policy does not admit, and what would help. */
export type NearMiss = Pick<Denial, 'reason' | 'remedy'> & {
  readonly policy: string
  /** Authentication context classes of which one would do. */
  readonly acrValues?: readonly string[]
  /** Posture checks that did not pass. */
  readonly failedChecks?: readonly string[]
}

/**
 * The first policy that would admit if only its requirements on login or device were met.
 * @param outcomes what the policies found, one by one.
 */
export function findNearMiss(
  lines: readonly CompiledPolicyLine[],
  outcomes: readonly Outcome[],
  conditions: ConditionEvaluator,
): NearMiss | undefined {
  for (const [at, { name, decision, condition }] of lines.entries()) {
    if (decision !== 'allow' || !lacksRequirement(outcomes[at])) continue
    const { include, require, exclude } = condition
    if (conditions.any(include) !== 'yes' || conditions.any(exclude) !== 'no') continue
    const missing = require.filter((one) => conditions.any(one) !== 'yes')
    const found = remedyOf(missing)
    if (found !== undefined) return { policy: name, ...found }
  }
  return undefined
}

/** Whether a requirement may be all that is missing; every other outcome has another cause. */
function lacksRequirement(outcome: Outcome | undefined): boolean {
  return outcome === 'requirement_missing' || outcome === 'attribute_missing'
}

function remedyOf(missing: readonly SelectorSet[]): Omit<NearMiss, 'policy'> | undefined {
  const isPosture = (set: SelectorSet) => hasOnly(set, ['device_posture'])
  const isLogin = (set: SelectorSet) => hasOnly(set, ['amr', 'auth_context'])
  if (missing.length === 0 || !missing.every((one) => isPosture(one) || isLogin(one))) {
    return undefined
  }
  if (missing.some(isPosture)) {
    return { reason: 'posture_failed', remedy: 'posture', failedChecks: checksIn(missing) }
  }
  const acrValues = missing.flatMap(({ selectors }) =>
    selectors.flatMap((one) => (one.kind === 'auth_context' ? [one.value] : [])),
  )
  return {
    reason: 'login_insufficient',
    remedy: 'mfa',
    ...(acrValues.length > 0 && { acrValues }),
  }
}

function checksIn(sets: readonly SelectorSet[]): readonly string[] {
  const names = sets.flatMap(({ selectors }) =>
    selectors.flatMap((one) => (one.kind === 'device_posture' ? [one.check] : [])),
  )
  return [...new Set(names)]
}

function hasOnly({ selectors }: SelectorSet, kinds: readonly string[]): boolean {
  return selectors.every(({ kind }) => kinds.includes(kind))
}
