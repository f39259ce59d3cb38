/** The same sshd reached directly and through the gateway, so that the two can be compared. */

import type { SshLimits } from '../../gateway/policy/decision.ts'
import { DEFAULT_SSH_GRANT } from '../../gateway/policy/ssh-grant.ts'
import { SshClient } from './ssh-client.ts'
import {
  type GatewayOptions,
  KNOWN_HOSTS_LINE,
  type SshGateway,
  startSshGateway,
  TARGET_NAME,
  USER_AUTHORITY_LINE,
} from './ssh-gateway.ts'
import { KeyFolder } from './ssh-keygen.ts'
import { type Sshd, startSshd } from './sshd.ts'

export type SshPair = {
  readonly sshd: Sshd
  readonly gateway: SshGateway
  readonly direct: SshClient
  readonly proxied: SshClient
  stop(): Promise<void>
}

/** Options of a gateway, and limits that stand beside or in place of those of the pair. */
type PairOptions = Partial<GatewayOptions> & { readonly limitsToo?: Partial<SshLimits> }

/** @param config more lines of the target's sshd_config. */
export async function startSshPair(
  config: readonly string[] = [],
  { limitsToo, ...options }: PairOptions = {},
): Promise<SshPair> {
  const keys = new KeyFolder()
  const identity = keys.makeKey('user', '-t', 'ed25519')
  const sshd = await startSshd({
    userAuthorities: [USER_AUTHORITY_LINE],
    authorizedKeys: [`ssh-ed25519 ${keys.blob('user.pub').toString('base64')}`],
    config,
  })
  const limits: SshLimits = {
    unixUsers: [sshd.user],
    record: 'required',
    hostKeys: [sshd.hostKey],
    hostAuthorities: [],
    grants: [DEFAULT_SSH_GRANT],
    ...limitsToo,
  }
  const gateway = await startSshGateway({ target: sshd, limits, ...options })
  const direct = new SshClient({
    port: sshd.port,
    user: sshd.user,
    alias: 'direct',
    knownHosts: `direct ${sshd.hostKey}`,
    identity,
  })
  const proxied = proxiedClient(gateway, sshd.user)
  return {
    sshd,
    gateway,
    direct,
    proxied,
    async stop() {
      await gateway.stop()
      await sshd.stop()
      for (const part of [keys, direct, proxied]) part.remove()
    },
  }
}

/** A stock client without any key, which trusts the organisation's host authority. */
export function proxiedClient({ port }: { readonly port: number }, user: string): SshClient {
  return new SshClient({ port, user, alias: TARGET_NAME, knownHosts: KNOWN_HOSTS_LINE })
}
