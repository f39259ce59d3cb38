/**
 * Which way a destination goes: into the tunnel, directly, or nowhere. Pure; the gateway alone decides access.
 */
import ipaddr from 'ipaddr.js'
import { parseHostName } from '#lib/net/host'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import type { DeviceSettings } from '#lib/wire/control-message'

/** What is ours, validated; the rest of the settings has no say here. */
export type RouteSettings = Pick<DeviceSettings, 'domains' | 'prefixes' | 'others'>

/** What this machine knows for itself; it wins over anything that is pushed. */
export type LocalRoutes = {
  /** Hosts of the gateway, names and addresses: reaching them through the tunnel would be a loop (T103). */
  readonly gatewayHosts: readonly string[]
  /** TCP ports that this daemon listens on, on loopback. */
  readonly ownPorts: readonly number[]
  /** Refuses what is not ours, even where the gateway leaves it direct. */
  readonly refuseOthers: boolean
}

export type Route =
  | { readonly kind: 'tunnel' }
  | { readonly kind: 'direct' }
  | { readonly kind: 'refuse'; readonly reason: 'own_port' | 'others_refused' }

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Prefix = [Address, number]

/** Link-local addresses mean another machine at the gateway than here: they never go into the tunnel. */
const LINK_LOCAL: readonly Prefix[] = [
  ipaddr.parseCIDR('169.254.0.0/16'),
  ipaddr.parseCIDR('fe80::/10'),
]

/** Routes compiled from settings; immutable. */
export type Routes = {
  readonly settings: RouteSettings
  /** @param target with a canonical host, as ./listen/target.ts gives it. */
  readonly routeFor: (target: FlowTarget) => Route
}

/**
 * Keeps what can be ours: valid names and prefixes. Whole-Internet prefixes are left out: this proxy
 * carries private destinations, and a default route must not be pushed without the user's consent.
 */
export function cleanSettings(settings: RouteSettings): RouteSettings {
  const domains = settings.domains.map((domain) => parseHostName(domain.replace(/^(\*?\.)/, '')))
  return {
    domains: domains.flatMap((domain) => (domain.ok ? [domain.value] : [])),
    prefixes: settings.prefixes.filter((text) => (parsePrefix(text)?.[1] ?? 0) > 0),
    others: settings.others,
  }
}

/** Compiles settings into a function; both arguments are copied into it. */
export function compileRoutes(settings: RouteSettings, local: LocalRoutes): Routes {
  const clean = cleanSettings(settings)
  const domains = new Set(clean.domains)
  const prefixes = clean.prefixes.map((text) => ipaddr.parseCIDR(text))
  const gatewayHosts = new Set(local.gatewayHosts)
  const refuseOthers = local.refuseOthers || clean.others === 'refuse'

  function routeFor({ host, port }: FlowTarget): Route {
    if (isOwnPort({ host, port }, local.ownPorts)) return { kind: 'refuse', reason: 'own_port' }
    if (gatewayHosts.has(host)) return { kind: 'direct' }
    const address = parseAddress(host)
    const ours =
      address === undefined
        ? inDomains(host, domains)
        : !inPrefixes(address, LINK_LOCAL) && inPrefixes(address, prefixes)
    if (ours) return { kind: 'tunnel' }
    return refuseOthers ? { kind: 'refuse', reason: 'others_refused' } : { kind: 'direct' }
  }
  return { settings: clean, routeFor }
}

/**
 * Whether a destination is one of our own listeners: dialled from here it would come back to us for ever.
 * Covers every spelling of this machine that needs no lookup; a name is checked again after it.
 */
export function isOwnPort({ host, port }: FlowTarget, ownPorts: readonly number[]): boolean {
  if (!ownPorts.includes(port)) return false
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  const range = parseAddress(host)?.range()
  return range === 'loopback' || range === 'unspecified'
}

/** An address literal; IPv4-mapped IPv6 is the IPv4 address it stands for. */
function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  if (text.includes(':') && ipaddr.IPv6.isValid(text)) return ipaddr.process(text)
  return undefined
}

function parsePrefix(text: string): Prefix | undefined {
  return ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : undefined
}

function inPrefixes(address: Address, prefixes: readonly Prefix[]): boolean {
  return prefixes.some(
    ([network, bits]) => network.kind() === address.kind() && address.match(network, bits),
  )
}

/** Whether a domain or one of its parents is listed. */
function inDomains(name: string, domains: ReadonlySet<string>): boolean {
  if (domains.has(name)) return true
  const dot = name.indexOf('.')
  return dot !== -1 && inDomains(name.slice(dot + 1), domains)
}
