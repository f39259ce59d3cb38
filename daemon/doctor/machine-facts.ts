/**
 * This machine beside zt: networks it is part of, other VPNs, bridges of containers, packet filter, resolver. Pure.
 */
import { formatPrefix, type Prefix, prefixCovers } from '#lib/net/prefix'
import type { Link as MachineLink, Route } from '../machine/machine.ts'

/** A network interface. */
type Link = Pick<MachineLink, 'name' | 'kind'>

/** All but what is ours. */
export type MachineFacts = {
  readonly links: readonly Link[]
  /** Unicast routes of every table. */
  readonly routes: readonly Route[]
  /** Networks that the machine is itself part of, each by its link: LANs, bridges of containers, links of other VPNs. */
  readonly ownSubnets: readonly Route[]
  readonly nft: 'usable' | 'absent' | 'not_permitted'
  /** Whether a packet filter drops what comes in; undefined: it cannot be read. */
  readonly dropsInput?: boolean
  /** Text of /etc/resolv.conf; empty when there is none. */
  readonly resolvConf: string
  /** systemd-resolved runs. */
  readonly resolved: boolean
}

const BRIDGES = /^(?:docker\d+|docker_gwbridge|br-[0-9a-f]{12}|podman\d+|cni-?\w*\d+|virbr\d+)$/
const VPN_KINDS = ['wireguard', 'tun', 'ipip', 'gre', 'vti', 'xfrm', 'l2tp', 'ppp']
const VPN_NAMES: readonly (readonly [RegExp, string])[] = [
  [/^tailscale\d+$/, 'Tailscale'],
  [/^CloudflareWARP$/, 'Cloudflare WARP'],
  [/mullvad/i, 'Mullvad'],
  [/^(?:tun|tap)\d+$/, 'OpenVPN or the like'],
  [/^wg/, 'WireGuard'],
  [/^zt[0-9a-z]{8,}$/, 'ZeroTier'],
]

/** Whether a link is a bridge of containers or virtual machines, by its name. */
export function isBridge({ name }: Link): boolean {
  return BRIDGES.test(name)
}

/** What a link of another VPN is called; undefined for a link that is none. */
export function vpnOf({ name, kind }: Link): string | undefined {
  const known = VPN_NAMES.find(([pattern]) => pattern.test(name))?.[1]
  return known ?? (VPN_KINDS.includes(kind) ? kind : undefined)
}

/** The default route, or a half of it, leads into this link. */
export function takesAll({ routes }: MachineFacts, { name }: Link): boolean {
  return routes.some(({ device, to }) => device === name && to.length <= 1)
}

/** Whether some address is in both. */
export function overlap(one: Prefix, other: Prefix): boolean {
  return prefixCovers(one, other) || prefixCovers(other, one)
}

/** As findings show it. */
export function printRoute({ to, device = '?' }: Route): string {
  return `${formatPrefix(to)} on ${device}`
}
