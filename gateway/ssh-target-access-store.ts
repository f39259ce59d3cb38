/** SSH targets that administrators register, put together with the policy in force and the way out to hosts. */
import type { AccessChange } from './access-change.ts'
import type { PolicyInForce } from './policy-in-force.ts'
import { createHostKeyScanner, type ScanDeps } from './ssh/login/host-key-scan-client.ts'
import {
  openRegisteredTargets,
  type RegisteredTargets,
} from './ssh/login/registered-targets-store.ts'
import { loadAeadBinding } from './ssh/transport/aead-binding-os.ts'
import { CLIENT_ALGORITHMS, FIPS_ALGORITHMS } from './ssh/transport/algorithms.ts'
import type { Store } from './store/store.ts'

export type SshTargetsOptions = Pick<ScanDeps, 'resolve' | 'dial'> & {
  readonly fips: boolean
  readonly store: Store['sshTargets']
  readonly policyInForce: PolicyInForce
  /** Tells that live flows are to be decided again. */
  readonly tell: (change: AccessChange) => void
  /** Unix milliseconds. */
  readonly now: () => number
}

/** A change is in force at once. */
export function openSshTargets(options: SshTargetsOptions): RegisteredTargets {
  const { fips, store, policyInForce, tell, resolve, dial, now } = options
  const binding = loadAeadBinding()
  return openRegisteredTargets({
    ...{ store, now },
    scan: createHostKeyScanner({
      ...{ resolve, dial, binding },
      algorithms: fips ? FIPS_ALGORITHMS : CLIENT_ALGORITHMS,
    }),
    policy: () => policyInForce.snapshot.current.policy,
    onChange() {
      policyInForce.recompile()
      tell({ kind: 'everything' })
    },
  })
}
