/**
 * The application phase: the most specific application takes over, and its policies decide in the order written.
 * The first that matches decides; none denies.
 */
import type { CompiledApplication, CompiledPolicy, CompiledPolicyLine } from '../compile.ts'
import type { Outcome } from '../condition.ts'
import type { PromptWish } from '../decision.ts'
import type { Application } from '../document.ts'
import { deny, type Flow, holdsUntil, type Verdict } from '../flow.ts'
import { judgeSession } from '../session.ts'

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
  for (const line of application.policies) {
    const outcome = flow.conditions.outcome(line.condition)
    const detail = line.decision
    flow.trace.push({ phase, name: `${application.name}/${line.name}`, outcome, detail })
    if (applies(line, outcome)) return lineVerdict(application, line, flow)
  }
  return deny('no_policy_matched', { application: application.name })
}

/** A policy about somebody unknown denies, and does not allow. */
function applies(line: CompiledPolicyLine, outcome: Outcome): boolean {
  return outcome === 'matched' || (line.decision === 'deny' && outcome === 'attribute_missing')
}

function lineVerdict(
  { name, written, enforcement }: CompiledApplication,
  line: CompiledPolicyLine,
  flow: Flow,
): Verdict {
  const names = { application: name, policy: line.name }
  if (line.decision === 'deny') return deny('denied_by_policy', names)
  const session = sessionOf(name, line, flow)
  if (session.state === 'over') {
    const prompt = promptOf(written, line)
    return deny(session.reason, { ...names, remedy: 'login', prompt })
  }
  if (session.endsAtMs !== undefined) holdsUntil(flow, Math.ceil(session.endsAtMs / 1000))
  const { idleTimeoutMs } = written
  return {
    kind: 'permit',
    reason: 'allowed_by_policy',
    ...names,
    enforcement,
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
    ...(session.endsAtMs !== undefined && { sessionEndsAtMs: session.endsAtMs }),
  }
}

function sessionOf(application: string, { sessionLengthMs }: CompiledPolicyLine, flow: Flow) {
  const { allMs = Number.NEGATIVE_INFINITY, applicationMs = {} } = flow.loginsNotBefore
  const ownMs = Object.hasOwn(applicationMs, application) ? applicationMs[application] : undefined
  const notBeforeMs = Math.max(allMs, ownMs ?? Number.NEGATIVE_INFINITY)
  const limits = {
    ...(sessionLengthMs !== undefined && { lengthMs: sessionLengthMs }),
    ...(notBeforeMs !== Number.NEGATIVE_INFINITY && { notBeforeMs }),
  }
  return judgeSession(flow.asker.login, limits, flow.nowSeconds * 1000)
}

function promptOf({ protocol }: Application, { sessionLengthMs }: CompiledPolicyLine): PromptWish {
  return {
    ...(protocol !== undefined && { protocol }),
    ...(sessionLengthMs !== undefined && { maxAgeSeconds: Math.floor(sessionLengthMs / 1000) }),
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
