/**
 * What a flow would come to, told step by step. Users get the safe subset: what is forbidden to them looks like what is
 * not there, by one decision and without any I/O for both. Administrators get all of it.
 */
import type { ExplainStep, ExplainStepName, Explanation } from '#lib/wire/control-message'
import type { Decision, TraceStep } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import { type Reason, sentenceOf, toldReason } from '../policy/reasons.ts'
import type { Explained } from './explain-flow.ts'

/** All of it. */
export type FullExplanation = Explanation & {
  readonly rule?: string
  readonly revision: number
  readonly trace: readonly TraceStep[]
  /** What was decided on. */
  readonly facts: Facts
}

/** The gateway's part of the way. */
const STEPS = ['application', 'policy', 'session', 'posture', 'name', 'address', 'reach'] as const
type Step = (typeof STEPS)[number] & ExplainStepName

const FAILED_AT: Readonly<Partial<Record<Reason, Step>>> = {
  no_policy_matched: 'policy',
  denied_by_policy: 'policy',
  name_not_found: 'name',
  too_many_lookups: 'name',
  address_forbidden: 'address',
  address_not_permitted: 'address',
  target_unreachable: 'reach',
  target_timeout: 'reach',
}

const FAILED_FOR_WANT_OF: Readonly<Record<Remedy, Step>> = {
  login: 'session',
  mfa: 'session',
  justify: 'policy',
  approval: 'policy',
  posture: 'posture',
  none: 'application',
}
type Remedy = Extract<Decision, { readonly kind: 'denial' }>['remedy']

const REMEDY: Readonly<Record<Remedy, string>> = {
  login: 'Run "zt login".',
  mfa: 'Run "zt login" and log in with a second factor.',
  justify: 'Connect, and say on the page that is shown why you need it.',
  approval: 'Connect, and ask for approval on the page that is shown.',
  posture: 'Put right what the device lacks: "zt posture" lists it.',
  none: 'Ask your administrator, with this destination and the time.',
}

const REMEDY_AT: Readonly<Partial<Record<Step, string>>> = {
  name: 'Check the spelling, or ask your administrator which name the gateway knows.',
  reach: 'Ask whoever runs the destination: access is not what is missing.',
}

/** What the user may see. */
export function forUser(explained: Explained): Explanation {
  const { decision } = explained
  const cause = reasonOf(explained)
  const reason = toldReason(cause)
  // Names are told where the user is admitted, or would be but for something they can do.
  const isTold = reason === cause && (decision.kind === 'permit' || decision.remedy !== 'none')
  return tell(explained, reason, isTold)
}

/** What administrators see. */
export function forAdministrator(explained: Explained): FullExplanation {
  const { decision, facts } = explained
  const { rule, revision, trace } = decision
  return {
    ...tell(explained, reasonOf(explained), true),
    ...(rule !== undefined && { rule }),
    revision,
    trace,
    facts,
  }
}

function tell(explained: Explained, reason: Reason, withNames: boolean): Explanation {
  const { facts, decision } = explained
  const { host, port, transport } = facts.destination
  const { application, policy } = withNames ? decision : {}
  const failedChecks = withNames && decision.kind === 'denial' ? (decision.failedChecks ?? []) : []
  const failed = failedStep(explained, reason)
  return {
    host,
    port,
    ...(transport !== 'tcp' && { transport }),
    verdict: failed === undefined ? 'permit' : 'denial',
    reason,
    sentence: sentenceOf({ reason, failedChecks }),
    ...(failed !== undefined && { remedy: REMEDY_AT[failed] ?? REMEDY[remedyOf(decision)] }),
    ...(application !== undefined && { application }),
    ...(policy !== undefined && { policy }),
    steps: stepsOf(failed, transport === 'tcp', {
      ...{ application, policy, session: sessionOf(decision) },
      posture: failed === 'posture' ? failedChecks.join(', ') : undefined,
    }),
  }
}

function reasonOf({ decision, failure }: Explained): Reason {
  return failure ?? decision.reason
}

function failedStep({ decision, failure }: Explained, reason: Reason): Step | undefined {
  if (decision.kind === 'permit' && failure === undefined) return undefined
  return FAILED_AT[reason] ?? FAILED_FOR_WANT_OF[remedyOf(decision)]
}

function remedyOf(decision: Decision): Remedy {
  return decision.kind === 'denial' ? decision.remedy : 'none'
}

function sessionOf(decision: Decision): string | undefined {
  const endsAtMs = decision.kind === 'permit' ? decision.sessionEndsAtMs : undefined
  return endsAtMs === undefined ? undefined : `until ${new Date(endsAtMs).toISOString()}`
}

function stepsOf(
  failed: Step | undefined,
  isDialled: boolean,
  details: Readonly<Partial<Record<Step, string | undefined>>>,
): ExplainStep[] {
  // Datagrams are not tried: whether somebody takes them shows in no connection.
  const end = isDialled ? STEPS.length : STEPS.indexOf('reach')
  const failedAt = failed === undefined ? end : STEPS.indexOf(failed)
  return STEPS.map((step, index) => {
    const detail = details[step]
    const outcome = index < failedAt ? 'passed' : step === failed ? 'failed' : 'not_reached'
    return { step, outcome, ...(index <= failedAt && detail !== undefined && { detail }) }
  })
}
