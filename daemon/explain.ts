/**
 * The daemon's part of an explanation: is it a destination, is it ours, is the tunnel up. The gateway says the rest.
 */
import { parseHost, printAuthority } from '#lib/net/endpoint'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import type { ExplainStep, ExplainStepName, Explanation } from '#lib/wire/control-message'
import type { FlowState } from './flow-client.ts'
import { type LocalReason, localRefusal } from './listen/refusal.ts'

/** The whole answer, or the steps before the gateway's. */
export type ExplainedHere =
  | { readonly kind: 'answered'; readonly explanation: Explanation }
  | { readonly kind: 'ask'; readonly steps: readonly ExplainStep[] }

const ALL: readonly ExplainStepName[] = [
  'destination',
  'route',
  'tunnel',
  'application',
  'policy',
  'session',
  'posture',
  'name',
  'address',
  'reach',
]

const DIRECT = 'Not ours: this machine connects by itself, and the gateway has no say.'

/** Goes the first steps. */
export function explainHere(target: FlowTarget, state: FlowState): ExplainedHere {
  const passed: ExplainStep[] = []
  const fail = (step: ExplainStepName, reason: LocalReason): ExplainedHere => ({
    kind: 'answered',
    explanation: { ...refusalOf(target, reason), steps: [...passed, ...from(step, 'failed')] },
  })
  if (!parseHost(target.host).ok) return fail('destination', 'bad_destination')
  passed.push({ step: 'destination', outcome: 'passed', detail: printAuthority(target) })
  if (state.routes === undefined) return fail('route', state.reason)
  const route = state.routes.routeFor(target)
  if (route.kind === 'refuse') return fail('route', route.reason)
  const isOurs = route.kind === 'tunnel'
  passed.push({ step: 'route', outcome: 'passed', detail: isOurs ? 'ours' : 'direct' })
  if (!isOurs) return { kind: 'answered', explanation: direct(target, passed) }
  if (typeof state.tunnel === 'string') return fail('tunnel', state.tunnel)
  return { kind: 'ask', steps: [...passed, { step: 'tunnel', outcome: 'passed' }] }
}

/** The gateway's answer behind the steps taken here. */
export function withSteps(steps: readonly ExplainStep[], answer: Explanation): Explanation {
  return { ...answer, steps: [...steps, ...answer.steps] }
}

function refusalOf({ host, port }: FlowTarget, reason: LocalReason) {
  const { detail: sentence = reason } = localRefusal(reason)
  return { host, port, verdict: 'denial', reason, sentence } as const
}

function direct({ host, port }: FlowTarget, passed: readonly ExplainStep[]): Explanation {
  const steps = [...passed, ...from('tunnel', 'not_reached')]
  return { host, port, verdict: 'permit', reason: 'direct', sentence: DIRECT, steps }
}

/** This step with its outcome, and all after it not reached. */
function from(step: ExplainStepName, outcome: ExplainStep['outcome']): ExplainStep[] {
  return ALL.slice(ALL.indexOf(step)).map((one) => ({
    step: one,
    outcome: one === step ? outcome : 'not_reached',
  }))
}
