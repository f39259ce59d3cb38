/** Settles a decision: on with a permit, held where a person can do something about a denial, over otherwise. */
import { err, ok, type Result } from '#lib/result'
import type { Decision, Permit } from '../policy/decision.ts'
import { type InteractiveDenial, isInteractive, type Released } from '../prompt/hold.ts'
import type { FlowServerDeps } from './flow-deps.ts'
import type { LiveFlow } from './live-flow.ts'
import type { Missed } from './missed.ts'

type SettleDeps = Pick<FlowServerDeps, 'hold' | 'now'>

/** Notes a decision, and those that follow while the flow is held. Nothing goes towards the target meanwhile. */
export async function settle(
  live: LiveFlow,
  decision: Decision,
  deps: SettleDeps,
): Promise<Result<Permit, Missed>> {
  if (!live.decided(decision)) return err('gone')
  if (decision.kind === 'permit') return ok(decision)
  if (!isInteractive(decision)) return err(decision.reason)
  const released = await holdFlow(live, decision, deps)
  if (released.kind === 'gone') return err('gone')
  if (released.kind === 'over') return err(released.reason)
  live.facts = released.facts
  return settle(live, released.decision, deps)
}

async function holdFlow(
  live: LiveFlow,
  denial: InteractiveDenial,
  { hold, now }: SettleDeps,
): Promise<Released> {
  const sinceMs = now()
  const putBack = live.takeEarly()
  const released = await hold(live, denial)
  putBack()
  live.noteHeld(now() - sinceMs)
  return released
}
