/** A captive portal that stands before the gateway, and what its user may open of it. Pure. */

import { elapsedMs, type Moment } from '#lib/moment'
import { formatAddress, type IpAddress, parseAddress } from '#lib/net/address'
import { type Prefix, prefixContains } from '#lib/net/prefix'
import {
  isLinkLocal,
  isLoopback,
  isMulticast,
  isReserved,
  isTranslated,
  isUnspecified,
} from '#lib/net/special-address'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import { isInside, mayBePrivate } from '../dns/rebinding.ts'
import type { Routes } from '../route.ts'

/** Where a network sends those who have not logged in to it. */
export type Portal = {
  /** A name or an address, canonical. */
  readonly host: string
  /** Of its page. */
  readonly port: number
  /** Its addresses as this machine's resolver gave them once: what the name gives later does not count. */
  readonly addresses: readonly string[]
}

/** Opened by its user: since when, and for how long. The clocks of this machine cannot prolong it. */
export type Opening = { readonly portal: Portal; readonly from: Moment; readonly forMs: number }

/** Why a portal is not opened. */
export type PortalObstacle =
  /** The setting `captive_portal` is 0. */
  | 'portal_forbidden'
  /** It bears a name of the organisation, or an address that stands for one. */
  | 'portal_is_ours'
  /** What it is made of leads nowhere outside this machine. */
  | 'portal_unreachable'
  /** Its page is at a port that is not opened. */
  | 'portal_port'
  /** The daemon's own traffic would be taken, too. */
  | 'daemon_is_user'

/** DNS, HTTP, HTTPS. */
const PORTS: readonly number[] = [53, 80, 443]
const ELSEWHERE = [
  isLoopback,
  isUnspecified,
  isLinkLocal,
  isMulticast,
  isReserved,
  isTranslated,
] as const

/** Whether it is open now. */
export function isOpen({ from, forMs }: Opening, now: Moment): boolean {
  return elapsedMs(from, now) < forMs
}

/** Addresses that a program reaches the portal by; undefined: its destination is no part of the portal. */
export function portalAddresses(
  { host, addresses }: Portal,
  target: FlowTarget,
): readonly string[] | undefined {
  if (!PORTS.includes(target.port)) return undefined
  if (target.host === host) return addresses
  return addresses.includes(target.host) ? [target.host] : undefined
}

/** Whether the name may lead to this address, though others like it may not. */
export function leadsToPortal(portal: Portal, name: string, address: IpAddress): boolean {
  return name === portal.host && portal.addresses.includes(formatAddress(address))
}

/** Those addresses that can be a portal's: of one machine, and not of this one. */
export function possibleAddresses(texts: readonly string[]): readonly string[] {
  return texts.filter((text) => {
    const parsed = parseAddress(text)
    return parsed.ok && !ELSEWHERE.some((is) => is(parsed.value))
  })
}

/** What is known when a portal is found. */
export type PortalSurroundings = {
  readonly routeFor: Routes['routeFor']
  /** Ranges whose addresses stand for names. */
  readonly synthetic: readonly Prefix[]
  /** Public names that lead to private addresses are not answered. */
  readonly isRebindingRefused: boolean
  readonly isForbidden: boolean
  /** What the daemon itself sends is taken. */
  readonly takesItself: boolean
}

/** What the user may do about a portal, as things are. */
export function judgePortal(
  portal: Portal,
  surroundings: PortalSurroundings,
): { readonly isBlocked: boolean; readonly obstacle?: PortalObstacle } {
  const { routeFor, isRebindingRefused } = surroundings
  const { port } = portal
  const hosts = [portal.host, ...portal.addresses]
  const isTaken = hosts.some((host) => routeFor({ host, port }).kind !== 'direct')
  const isNameless = isRebindingRefused && isRebinding(portal)
  const obstacle = obstacleOf(portal, surroundings)
  return { isBlocked: isTaken || isNameless, ...(obstacle && { obstacle }) }
}

function isRebinding({ host, addresses }: Portal): boolean {
  return !mayBePrivate(host) && addressesIn(addresses).some(isInside)
}

function obstacleOf(
  { host, port, addresses }: Portal,
  { routeFor, synthetic, isForbidden, takesItself }: PortalSurroundings,
): PortalObstacle | undefined {
  if (isForbidden) return 'portal_forbidden'
  const isName = addressesIn([host]).length === 0
  const bearsOurName = isName && routeFor({ host, port }).kind === 'tunnel'
  const standsForName = addressesIn(addresses).some((address) =>
    synthetic.some((range) => prefixContains(range, address)),
  )
  if (bearsOurName || standsForName) return 'portal_is_ours'
  if (addresses.length === 0) return 'portal_unreachable'
  if (!PORTS.includes(port)) return 'portal_port'
  return takesItself ? 'daemon_is_user' : undefined
}

function addressesIn(texts: readonly string[]): readonly IpAddress[] {
  return texts.map(parseAddress).flatMap((parsed) => (parsed.ok ? [parsed.value] : []))
}
