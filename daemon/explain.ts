/**
 * The daemon's part of an explanation: is it a destination, is it ours, is the tunnel up. The gateway says the rest.
 */
import { parseHost } from '#lib/net/endpoint'
import { printFlowEndpoint } from '#lib/net/flow-endpoint'
import type { FlowRefusal } from '#lib/tunnel/tunnel-connection'
import type {
  ExplainStep,
  ExplainStepName,
  ExplainTarget,
  Explanation,
} from '#lib/wire/control-message'
import type { FlowState, findWay } from './flow-client.ts'
import { localRefusal } from './listen/refusal.ts'

/** The whole answer, or the steps before the gateway's and what it is to be asked about. */
export type ExplainedHere =
  | { readonly kind: 'answered'; readonly explanation: Explanation }
  | { readonly kind: 'ask'; readonly target: ExplainTarget; readonly steps: readonly ExplainStep[] }

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

/** Goes the first steps, the way that a flow would go. */
export async function explainHere(
  target: ExplainTarget,
  state: FlowState,
  find: typeof findWay,
): Promise<ExplainedHere> {
  const passed: ExplainStep[] = []
  const fail = (step: ExplainStepName, refusal: FlowRefusal): ExplainedHere => ({
    kind: 'answered',
    explanation: { ...refused(target, refusal), steps: [...passed, ...from(step, 'failed')] },
  })
  if (!parseHost(target.host).ok) return fail('destination', localRefusal('bad_destination'))
  passed.push({ step: 'destination', outcome: 'passed', detail: printFlowEndpoint(target) })
  if (state.routes === undefined) return fail('route', localRefusal(state.reason))
  const found = await find(target, state.routes)
  if (!found.ok) return fail('route', found.error)
  const way = found.value
  if (way.kind === 'direct') return { kind: 'answered', explanation: direct(target, passed) }
  const ours = way.target.host === target.host ? 'ours' : `ours, as ${way.target.host}`
  passed.push({ step: 'route', outcome: 'passed', detail: ours })
  if (typeof state.tunnel === 'string') return fail('tunnel', localRefusal(state.tunnel))
  return {
    kind: 'ask',
    target: { ...target, host: way.target.host },
    steps: [...passed, TUNNEL_PASSED],
  }
}

const TUNNEL_PASSED: ExplainStep = { step: 'tunnel', outcome: 'passed' }

/** The gateway's answer behind the steps taken here, about what was asked here. */
export function withSteps(
  target: ExplainTarget,
  steps: readonly ExplainStep[],
  answer: Explanation,
): Explanation {
  return { ...answer, ...target, steps: [...steps, ...answer.steps] }
}

function refused(target: ExplainTarget, { reason, detail: sentence = reason }: FlowRefusal) {
  return { ...target, verdict: 'denial', reason, sentence } as const
}

function direct(target: ExplainTarget, passed: readonly ExplainStep[]): Explanation {
  const route = { step: 'route', outcome: 'passed', detail: 'direct' } as const
  const steps = [...passed, route, ...from('tunnel', 'not_reached')]
  return { ...target, verdict: 'permit', reason: 'direct', sentence: DIRECT, steps }
}

/** This step with its outcome, and all after it not reached. */
function from(step: ExplainStepName, outcome: ExplainStep['outcome']): ExplainStep[] {
  return ALL.slice(ALL.indexOf(step)).map((one) => ({
    step: one,
    outcome: one === step ? outcome : 'not_reached',
  }))
}
