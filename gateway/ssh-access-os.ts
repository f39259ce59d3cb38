/**
 * SSH inspection, put together from keys, recordings and the policy in force.
 */
import type { Log } from '#lib/log'
import { signerFor } from '#lib/ssh/signature'
import type { ServeSsh } from './enforce/ssh-service.ts'
import type { GatewayKeys } from './keys/gateway-keys.ts'
import type { CompiledPolicy } from './policy/compile.ts'
import type { PolicySnapshot } from './policy-snapshot.ts'
import type { Recordings } from './recording/recorder.ts'
import { loadAeadBinding } from './ssh/aead-binding-os.ts'
import { CLIENT_ALGORITHMS, SERVER_ALGORITHMS } from './ssh/algorithms.ts'
import { shortNames } from './ssh/short-names.ts'
import { serveSsh } from './ssh/ssh-proxy-server.ts'
import { SSH_TIMING } from './ssh/ssh-service-deps.ts'

export type SshAccessOptions = {
  readonly keys: Pick<GatewayKeys, 'sshUserCa' | 'sshHostCa' | 'hostSeed'>
  readonly recordings: Recordings
  readonly snapshot: PolicySnapshot<CompiledPolicy>
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/** The taker of flows that are permitted as SSH. */
export function openSshAccess({
  keys,
  recordings,
  snapshot,
  log,
  now,
}: SshAccessOptions): ServeSsh {
  const deps = {
    userAuthority: signerFor(keys.sshUserCa),
    hostAuthority: signerFor(keys.sshHostCa),
    hostSeed: keys.hostSeed.export(),
    recordings,
    shortNames: (host: string) => shortNames(host, snapshot.current.policy.document.tunnel.domains),
    log,
    now,
    binding: loadAeadBinding(),
    algorithms: { user: SERVER_ALGORITHMS, target: CLIENT_ALGORITHMS },
    timing: SSH_TIMING,
  }
  return (flow) => serveSsh(flow, deps)
}
