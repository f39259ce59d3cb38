/**
 * How private names of this machine's programs reach our resolver: the ways, in the order in which they are tried. Pure.
 */
import type { IpAddress } from '#lib/net/address'
import type { UidRange } from './machine.ts'
import { nameserversOf } from './resolv-conf.ts'

/**
 * `resolved`: systemd-resolved asks us for our names alone. `port53`: what users ask of any server comes to us.
 * `resolv_conf`: we are the first server that /etc/resolv.conf names. `off`: nothing is changed.
 */
export type DnsMode = 'resolved' | 'port53' | 'resolv_conf' | 'off'

/** What is wanted of the machine's DNS. */
export type DnsWanted = {
  /** `auto`: whatever of the others fits this machine. */
  readonly setting: DnsMode | 'auto'
  readonly tunName: string
  /** Where our resolver answers on port 53, reached through the TUN. */
  readonly resolverAddresses: readonly IpAddress[]
  /** The same resolver on 127.0.0.1 and ::1. */
  readonly loopbackPort: number
  /** Zones that are ours; canonical, without a trailing dot. */
  readonly domains: readonly string[]
  /** Whose questions come to us. */
  readonly uids: readonly UidRange[]
}

/** Why a way is not open; reasons are those of the ways. */
export type DnsRefusal = { readonly reason: string; readonly detail: string }

/** Where systemd-resolved listens (systemd-resolved(8)). */
const STUBS = ['127.0.0.53', '127.0.0.54']

/** Whether programs ask systemd-resolved. */
export function asksResolved(resolvConf: string): boolean {
  const servers = nameserversOf(resolvConf)
  return servers.length > 0 && servers.every((server) => STUBS.includes(server))
}

/** What leaves the least behind goes first. @param resolvConf as it is without us. */
export function dnsModes(
  setting: DnsWanted['setting'],
  resolvConf: string,
): readonly [DnsMode, ...DnsMode[]] {
  if (setting !== 'auto') return [setting]
  return asksResolved(resolvConf)
    ? ['resolved', 'port53', 'resolv_conf']
    : ['port53', 'resolv_conf']
}
