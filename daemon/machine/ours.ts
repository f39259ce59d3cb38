/**
 * The marks by which anybody, we included, recognises what is ours in the routing of a machine. Nothing else is ever
 * changed or removed.
 */
import { addressFromBytes, type IpAddress } from '#lib/net/address'
import type { Prefix } from '#lib/net/prefix'
import type { Link, Route, Rule } from './machine.ts'

/** Routing table of ours; no name in rt_tables. */
export const TABLE = 5254
/** Where sockets bound to the TUN end that the first table leads nowhere: on this machine. */
export const GUARD_TABLE = 5255
/** Rules that look into the table: before `main` (32766) and the look-up of Tailscale (5270). */
export const LOOKUP_PREFERENCE = 5250
/** Rules that refuse what no table led anywhere: synthetic addresses, and sockets bound to the TUN. */
export const REFUSE_PREFERENCE = 5251

/** Whether a rule is ours. */
export function isOurRule(rule: Rule): boolean {
  if (rule.preference === LOOKUP_PREFERENCE) return rule.table === String(TABLE)
  if (rule.preference !== REFUSE_PREFERENCE) return false
  return rule.action === 'unreachable' || rule.table === String(GUARD_TABLE)
}

/** Whether a route is ours. */
export function isOurRoute(route: Route): boolean {
  return route.table === String(TABLE) || route.table === String(GUARD_TABLE)
}

/** Subnets that this machine is itself part of: the LAN, bridges of containers, links of other VPNs. */
export function ownSubnets(
  links: readonly Link[],
  tunName: string,
): readonly { readonly subnet: Prefix; readonly link: string }[] {
  return links
    .filter(({ name, isUp }) => isUp && name !== 'lo' && name !== tunName)
    .flatMap(({ name, addresses }) =>
      addresses.map(({ address, length }) => ({ subnet: subnetOf(address, length), link: name })),
    )
}

function subnetOf(address: IpAddress, length: number): Prefix {
  const bytes = address.bytes.map((octet, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8))
    return octet & (0xff << (8 - bits))
  })
  return { address: addressFromBytes(bytes), length }
}
