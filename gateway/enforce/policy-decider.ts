/** Enforcement's questions, answered by the policy in force at that moment. */
import type { VisibleApplication } from '#lib/wire/control-message'
import type { CompiledPolicy } from '../policy/compile.ts'
import { decide, decideAddress } from '../policy/evaluate.ts'
import { type AskerFacts, evaluateName, type NameDecision } from '../policy/evaluate-name.ts'
import type { Facts } from '../policy/facts.ts'
import type { NameQuestion } from '../policy/phases/dns.ts'
import { visibleApplications } from '../policy/visible-applications.ts'
import type { PolicySnapshot } from '../policy-snapshot.ts'
import type { Decider } from './decider.ts'

/** The decider, and what people may ask about it. */
export interface PolicyDecider extends Decider {
  applications(facts: Facts): readonly VisibleApplication[]
  decideName(facts: AskerFacts, question: NameQuestion): NameDecision
}

/** @param now Unix milliseconds. */
export function createPolicyDecider(
  snapshot: PolicySnapshot<CompiledPolicy>,
  now: () => number,
): PolicyDecider {
  const policy = () => snapshot.current.policy
  const nowSeconds = () => Math.floor(now() / 1000)
  return {
    get revision() {
      return snapshot.current.revision
    },
    decide: (facts) => decide(policy(), facts, nowSeconds()),
    decideAddress: (facts) => decideAddress(policy(), facts, nowSeconds()),
    decideName: (facts, question) => evaluateName(policy(), facts, question, nowSeconds()),
    applications: (facts) => visibleApplications(policy(), facts, nowSeconds()),
  }
}
