/**
 * Who stands how now, and what that means for flows that are open: decisions by the policy in force, on what the store
 * knows about a device and its user at that moment.
 */
import type { Log } from '#lib/log'
import { type AccessRequests, openAccessRequests } from './access-request/access-requests-store.ts'
import { decideAll } from './enforce/decider.ts'
import { createPolicyDecider, type PolicyDecider } from './enforce/policy-decider.ts'
import {
  type EvaluationDeps,
  type Evaluations,
  openEvaluations,
} from './evaluator/evaluations-client.ts'
import { gatherSubject, type StandingOf, withStanding } from './facts/gather.ts'
import type { FlowTable } from './flow/flow-table.ts'
import { type Reconsideration, startReconsideration } from './flow/reconsider-job.ts'
import type { CompiledPolicy } from './policy/compile.ts'
import type { PolicySnapshot } from './policy-snapshot.ts'
import { openPosture, type Posture } from './posture/posture-store.ts'
import { startExpiryAlerts } from './service-token/expiry-alert-job.ts'
import { openServiceTokens, type ServiceTokens } from './service-token/service-tokens-store.ts'
import { openSessions, type Sessions } from './session/sessions-store.ts'
import type { Store } from './store/store.ts'
import { watchStore } from './store/store-watch-job.ts'

export type AccessOptions = {
  readonly store: Store
  readonly snapshot: PolicySnapshot<CompiledPolicy>
  readonly table: FlowTable
  /** With which external evaluators are asked. */
  readonly signing: Pick<EvaluationDeps, 'signingKey' | 'issuer'>
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

export type Access = {
  readonly decider: PolicyDecider
  readonly standing: StandingOf
  readonly sessions: Sessions
  readonly serviceTokens: ServiceTokens
  readonly reconsideration: Reconsideration
  readonly posture: Posture
  readonly accessRequests: AccessRequests
  readonly evaluations: Evaluations
  /** Ends the timers. */
  endAccess(): void
}

export function openAccess({ store, snapshot, table, signing, log, now }: AccessOptions): Access {
  const decider = createPolicyDecider(snapshot, now)
  const sessions = openSessions({ store, log, now })
  const serviceTokens = openServiceTokens({ store, now })
  const posture = openPosture({
    ...{ store, now },
    checks: () => snapshot.current.policy.document.postureChecks,
    onChange: (deviceId) => reconsideration.tell({ kind: 'device', deviceId }),
  })
  const accessRequests = openAccessRequests({
    ...{ store, log, now },
    policy: () => snapshot.current.policy,
    tell: (change) => reconsideration.tell(change),
  })
  const evaluations = openEvaluations({
    ...{ ...signing, log, now },
    policy: () => snapshot.current.policy,
    flowsOf: (deviceId) => table.ofDevice(deviceId),
    tell: (change) => reconsideration.tell(change),
  })
  const standing: StandingOf = (device, user) => {
    const grants = accessRequests.grants(user.id)
    const loginsNotBefore = sessions.loginsNotBefore({ userId: user.id, deviceId: device.id })
    return {
      subject: gatherSubject(device, user, serviceTokens.identityOf(user)),
      ...(loginsNotBefore !== undefined && { loginsNotBefore }),
      ...(grants.length > 0 && { grants }),
      ...posture.facts(device.id),
    }
  }
  const reconsideration = startReconsideration({
    ...{ table, log, now },
    decide: (facts) => decideAll(decider, facts),
    gather: evaluations.gather,
    refresh({ deviceId, facts }) {
      const device = store.devices.get(deviceId)
      const user = device && store.users.get(device.userId)
      return device && user && withStanding(facts, standing(device, user))
    },
  })
  const expiryAlerts = startExpiryAlerts({ serviceTokens, log, now })
  const stopWatching = watchStore(
    () => store.foreignVersion(),
    () => reconsideration.tell({ kind: 'everything' }),
  )
  return {
    ...{ decider, standing, sessions, serviceTokens, reconsideration, posture, accessRequests },
    evaluations,
    endAccess() {
      stopWatching()
      evaluations.stop()
      expiryAlerts.stop()
      reconsideration.stop()
    },
  }
}
