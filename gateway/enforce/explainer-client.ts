/**
 * Explains, for real: resolves and dials as a flow would, once a permit is there. How often a device may ask is bounded.
 */
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import type { Explanation } from '#lib/wire/control-message'
import { openRateGate } from '../login/rate-limit.ts'
import type { Facts } from '../policy/facts.ts'
import type { Dial } from './dial-client.ts'
import { createEndSignal } from './end-signal.ts'
import { type ExplainDeps, explainFlow, type Failure } from './explain-flow.ts'
import { type FullExplanation, forAdministrator, forUser } from './explanation.ts'

export type ExplainerDeps = Pick<ExplainDeps, 'decider' | 'resolve' | 'aliasesOf'> & {
  readonly dial: Dial
  /** The facts with what external evaluators say; without it nobody is asked. */
  readonly gather?: (facts: Facts) => Facts | Promise<Facts>
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/** Why a question is not answered. */
export type QuestionError = { readonly reason: 'too_many_questions' }

export interface Explainer {
  /** The safe subset, for the device that asks. */
  forUser(facts: Facts): Promise<Result<Explanation, QuestionError>>
  forAdministrator(facts: Facts): Promise<FullExplanation>
}

/** Questions of one device in a minute. */
const QUESTIONS = { perSource: 30, windowSeconds: 60 }
/** For all addresses of a destination together, ms. */
const PROBE_MS = 3000

export function createExplainer(deps: ExplainerDeps): Explainer {
  const { decider, resolve, aliasesOf, dial, gather, log, now } = deps
  const mayAsk = openRateGate(QUESTIONS, (deviceId) => deviceId)
  const probe = probeWith(dial, now)

  async function explain(facts: Facts, asker: string) {
    const gathered = (await gather?.(facts)) ?? facts
    const explained = await explainFlow(gathered, { decider, resolve, aliasesOf, probe })
    const { kind: verdict, reason } = explained.decision
    const { deviceId } = facts.subject
    log.info({ asker, deviceId, destination: facts.destination, verdict, reason }, 'explained')
    return explained
  }

  return {
    async forUser(facts) {
      if (!(await mayAsk(facts.subject.deviceId))) return err({ reason: 'too_many_questions' })
      return ok(forUser(await explain(facts, 'user')))
    },
    forAdministrator: async (facts) => forAdministrator(await explain(facts, 'administrator')),
  }
}

function probeWith(dial: Dial, now: () => number): ExplainDeps['probe'] {
  return async (addresses, port) => {
    const endsAtMs = now() + PROBE_MS
    let failure: Failure = { reason: 'target_unreachable' }
    for (const address of addresses) {
      const leftMs = endsAtMs - now()
      if (leftMs <= 0) break
      const dialled = await dial({ address, port }, leftMs, createEndSignal().signal)
      if (dialled.ok) {
        dialled.value.destroy()
        return ok(undefined)
      }
      if (dialled.error.reason !== 'gave_up') failure = { reason: dialled.error.reason }
    }
    return err(failure)
  }
}
