/**
 * The application phase: the most specific application takes over, and its policies decide in the order written.
 * The first that matches decides; none denies.
 */
import type { CompiledApplication, CompiledPolicy, CompiledPolicyLine } from '../compile.ts'
import type { ConditionEvaluator, Outcome } from '../condition.ts'
import { judgeConsent } from '../consent.ts'
import type { Denial, Enforcement, Permit, PromptWish } from '../decision.ts'
import type { Application } from '../document.ts'
import { decidedBy, deny, type Flow, holdsUntil, type Verdict } from '../flow.ts'
import { findNearMiss } from '../remedy.ts'
import { judgeSession } from '../session.ts'
import { namedUsers } from '../unix-users.ts'

/** The verdict of the application that owns the destination, undefined when none does. */
export function applicationPhase(policy: CompiledPolicy, flow: Flow): Verdict | undefined {
  const [owner] = policy.applications.matches(flow.host, flow.service)
  if (owner === undefined) return undefined
  const detail = owner.destination.text
  flow.trace.push({ phase: 'application', name: owner.value.name, outcome: 'matched', detail })
  return applicationVerdict(owner.value, flow, 'application')
}

/** What one application says about a flow to it. */
export function applicationVerdict(
  application: CompiledApplication,
  flow: Flow,
  phase: 'application' | 'address',
): Verdict {
  if (!speaks(application, flow))
    return deny('protocol_mismatch', { application: application.name })
  const outcomes: Outcome[] = []
  for (const line of application.policies) {
    const outcome = lineOutcome(line, flow.conditions)
    const step = { phase, name: `${application.name}/${line.name}`, outcome, detail: line.decision }
    if (applies(line, outcome)) {
      flow.trace.push({ ...step, ...decidedBy(line, outcome, flow) })
      return lineVerdict(application, line, flow)
    }
    flow.trace.push(step)
    outcomes.push(outcome)
  }
  return noneMatched(application, outcomes, flow)
}

/** What a policy finds; policies about services do not concern persons. */
export function lineOutcome(
  { decision, condition, timing }: CompiledPolicyLine,
  conditions: ConditionEvaluator,
): Outcome {
  const counts = timing?.(conditions.moment) ?? 'counts'
  if (counts !== 'counts') return counts
  if (decision !== 'service') return conditions.outcome(condition)
  return conditions.isService ? conditions.outcome(condition, true) : 'no_match'
}

/** A policy about somebody unknown denies, and does not allow. */
export function applies(line: CompiledPolicyLine, outcome: Outcome): boolean {
  return outcome === 'matched' || (line.decision === 'deny' && outcome === 'attribute_missing')
}

function noneMatched(
  { name, written, policies }: CompiledApplication,
  outcomes: readonly Outcome[],
  { asker, conditions }: Flow,
): Verdict {
  const near = asker.isService ? undefined : findNearMiss(policies, outcomes, conditions)
  if (near === undefined) return deny('no_policy_matched', { application: name })
  const { reason, remedy, policy, acrValues, failedChecks } = near
  const prompt = remedy === 'mfa' && {
    prompt: { ...promptOf(written), ...(acrValues && { acrValues }) },
  }
  const checks = failedChecks && { failedChecks }
  return deny(reason, { application: name, policy, remedy, ...prompt, ...checks })
}

function lineVerdict(
  { name, written, enforcement: general }: CompiledApplication,
  line: CompiledPolicyLine,
  flow: Flow,
): Verdict {
  const names = { application: name, policy: line.name }
  if (line.decision === 'deny') return deny('denied_by_policy', names)
  const admission = line.decision === 'allow' ? admitPerson(written, line, flow) : {}
  if ('reason' in admission) return deny(admission.reason, { ...names, ...admission })
  const { idleTimeoutMs } = written
  const enforcement = enforcementOf(general, line, flow)
  return {
    kind: 'permit',
    reason: line.decision === 'bypass' ? 'bypassed_by_policy' : 'allowed_by_policy',
    ...names,
    enforcement,
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
    ...admission,
  }
}

/** Who may log in by this policy, and what is known of the very target. */
function enforcementOf(
  general: Enforcement,
  { unixUsers }: CompiledPolicyLine,
  { asker, registered }: Flow,
): Enforcement {
  if (general.kind !== 'ssh') return general
  const { hostKeys, hostAuthorities } = general.ssh
  const target = registered()
  return {
    kind: 'ssh',
    ssh: {
      ...general.ssh,
      unixUsers: namedUsers(unixUsers, asker.mailbox),
      hostKeys: [...hostKeys, ...(target?.hostKeys ?? [])],
      hostAuthorities: [...hostAuthorities, ...(target?.hostAuthorities ?? [])],
    },
  }
}

type Refusal = Pick<Denial, 'reason' | 'remedy' | 'prompt'>

/** What an `allow` asks of a person beyond its condition. Services do not log in. */
function admitPerson(
  written: Application,
  line: CompiledPolicyLine,
  flow: Flow,
): Refusal | Pick<Permit, 'sessionEndsAtMs'> {
  if (flow.asker.isService) return {}
  const session = sessionOf(written.name, line, flow)
  if (session.state === 'over') {
    const { reason, youngerThanMs } = session
    return { reason, remedy: 'login', prompt: promptOf(written, youngerThanMs) }
  }
  const { grants, moment } = flow
  const consent = judgeConsent(
    line.consent,
    { application: written.name, policy: line.name },
    grants,
    moment.nowSeconds * 1000,
  )
  if (consent.state === 'missing') {
    const { reason, remedy } = consent
    return { reason, remedy, prompt: promptOf(written) }
  }
  const { endsAtMs } = session
  holdsUntil(flow, Math.ceil(Math.min(consent.untilMs, endsAtMs ?? consent.untilMs) / 1000))
  return endsAtMs === undefined ? {} : { sessionEndsAtMs: endsAtMs }
}

function sessionOf(application: string, { sessionLengthMs }: CompiledPolicyLine, flow: Flow) {
  const { allMs = Number.NEGATIVE_INFINITY, applicationMs = {} } = flow.loginsNotBefore
  const ownMs = Object.hasOwn(applicationMs, application) ? applicationMs[application] : undefined
  const notBeforeMs = Math.max(allMs, ownMs ?? Number.NEGATIVE_INFINITY)
  const limits = {
    ...(sessionLengthMs !== undefined && { lengthMs: sessionLengthMs }),
    ...(notBeforeMs !== Number.NEGATIVE_INFINITY && { notBeforeMs }),
  }
  return judgeSession(flow.asker.login, limits, flow.moment.nowSeconds * 1000)
}

/** @param youngerThanMs the age of a login that helps; a login at this very moment always does. */
function promptOf({ protocol }: Application, youngerThanMs?: number): PromptWish {
  const maxAgeSeconds =
    youngerThanMs === undefined ? undefined : Math.max(Math.floor(youngerThanMs / 1000), 0)
  return {
    ...(protocol !== undefined && { protocol }),
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
  }
}

/**
 * Whether what was seen is what the application declares. Before anything was seen nothing mismatches. SSH where none
 * is declared would pass unrecorded. HTTP is spoken inside TLS too.
 */
function speaks({ written }: CompiledApplication, { protocol }: Flow): boolean {
  if (protocol === undefined || protocol === 'unknown') return true
  if (written.protocol === undefined) return protocol !== 'ssh'
  return protocol === written.protocol || (written.protocol === 'http' && protocol === 'tls')
}
