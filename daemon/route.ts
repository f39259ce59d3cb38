/**
 * Which way a destination goes: into the tunnel, directly, or nowhere. Pure; the gateway alone decides access.
 */
import { type IpAddress, parseAddress } from '#lib/net/address'
import { printAuthority } from '#lib/net/endpoint'
import { parseHostName } from '#lib/net/host'
import { type Prefix, parsePrefix, prefixContains } from '#lib/net/prefix'
import { isLinkLocal, isLoopback, isUnspecified } from '#lib/net/special-address'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import type { DeviceSettings } from '#lib/wire/control-message'

/** What is ours, validated; the rest of the settings has no say here. */
export type RouteSettings = Pick<DeviceSettings, 'domains' | 'prefixes' | 'others'>

/** What this machine knows for itself; it wins over anything that is pushed. */
export type LocalRoutes = {
  /** Listeners of the gateway that this device uses: reaching them through the tunnel would be a loop (T103). */
  readonly gateway: readonly FlowTarget[]
  /** TCP ports that this daemon listens on, on loopback. */
  readonly ownPorts: readonly number[]
  /** Refuses what is not ours, even where the gateway leaves it direct. */
  readonly refuseOthers: boolean
}

export type Route =
  | { readonly kind: 'tunnel' }
  /** `judged`: the addresses behind the name need no second look. */
  | { readonly kind: 'direct'; readonly judged: boolean }
  | { readonly kind: 'refuse'; readonly reason: 'own_port' | 'others_refused' }

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
    prefixes: settings.prefixes.filter((text) => toPrefixes(text).length > 0),
    others: settings.others,
  }
}

/** Compiles settings into a function; both arguments are copied into it. */
export function compileRoutes(settings: RouteSettings, local: LocalRoutes): Routes {
  const clean = cleanSettings(settings)
  const domains = new Set(clean.domains)
  const prefixes = clean.prefixes.flatMap(toPrefixes)
  const gateway = new Set(local.gateway.map(printAuthority))
  const refuseOthers = local.refuseOthers || clean.others === 'refuse'

  function routeFor({ host, port }: FlowTarget): Route {
    if (isOwnPort({ host, port }, local.ownPorts)) return { kind: 'refuse', reason: 'own_port' }
    if (gateway.has(printAuthority({ host, port }))) return { kind: 'direct', judged: true }
    const address = literal(host)
    // A link-local address means another machine at the gateway than here.
    const ours =
      address === undefined
        ? findDomain(host, domains) !== undefined
        : !isLinkLocal(address) && inPrefixes(address, prefixes)
    if (ours) return { kind: 'tunnel' }
    return refuseOthers
      ? { kind: 'refuse', reason: 'others_refused' }
      : { kind: 'direct', judged: address !== undefined }
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
  const address = literal(host)
  return address !== undefined && (isLoopback(address) || isUnspecified(address))
}

function literal(text: string): IpAddress | undefined {
  const address = parseAddress(text)
  return address.ok ? address.value : undefined
}

/** A prefix that can be ours; none for what does not parse, and for a default route. */
function toPrefixes(text: string): readonly Prefix[] {
  const prefix = parsePrefix(text)
  return prefix.ok && prefix.value.length > 0 ? [prefix.value] : []
}

function inPrefixes(address: IpAddress, prefixes: readonly Prefix[]): boolean {
  return prefixes.some((prefix) => prefixContains(prefix, address))
}

/** The listed domain that a name is, or lies below; the longest one. */
export function findDomain(name: string, domains: ReadonlySet<string>): string | undefined {
  if (domains.has(name)) return name
  const dot = name.indexOf('.')
  return dot === -1 ? undefined : findDomain(name.slice(dot + 1), domains)
}
