/**
 * Destinations as policy writes them: `HOST:PORTS[/tcp|/udp]`, or `HOST/icmp` for ping, where HOST is a name, `*.zone`,
 * an address, a prefix (IPv6 in brackets) or `*`, and PORTS is `443`, `80,443,8000-8100` or `*`.
 */
import { quote } from '#lib/config/mistake'
import { type Shape, text } from '#lib/config/shape'
import { prefixMistake } from '#lib/config/text-shapes'
import type { Transport } from '#lib/net/flow-endpoint'
import { type HostPattern, parseHostPattern } from '#lib/net/host-pattern'
import { ALL_PORTS, type PortSet, parsePorts, portsCover } from '#lib/net/ports'
import { type Prefix, parsePrefix } from '#lib/net/prefix'

/** The host part of a destination. `any` is every name and every address. */
export type DestinationHost =
  | { readonly kind: 'any' }
  | { readonly kind: 'name'; readonly pattern: HostPattern }
  | { readonly kind: 'prefix'; readonly prefix: Prefix }

/** Hosts and ports. */
export type Destination = {
  readonly host: DestinationHost
  /** Of ping, port 0. */
  readonly ports: PortSet
  /** Absent: what `opening` and `closing` say. */
  readonly transport?: Transport
  /** As written. */
  readonly text: string
}

type Parsed<T> = { readonly value: T } | { readonly wrong: string }

const LOOKS_LIKE_ADDRESS = /^[0-9.]+(?:\/.*)?$/
const TRANSPORT = /\/(tcp|udp|icmp)$/
/** ICMP has no ports; facts about ping say 0. */
const NO_PORT: PortSet = [{ first: 0, last: 0 }]

/** The shape of one destination. */
export const destination: Shape<Destination> = text(
  'a destination such as wiki.corp.internal:443 or 10.0.0.0/8:*',
  parseDestination,
)

/** Parses a destination, or says what is wrong with it. Never throws. */
export function parseDestination(value: string): Parsed<Destination> {
  const transport = TRANSPORT.exec(value)?.[1] as Transport | undefined
  const endpoint = transport === undefined ? value : value.slice(0, -`/${transport}`.length)
  const { hostText, portsText } = split(endpoint)
  if (transport === 'icmp') return parsePing(value, hostText, portsText)
  if (portsText === undefined) {
    return {
      wrong: `${quote(value)} names no port; write ${quote(`${value}:443`)} or ":*" for all`,
    }
  }
  const host = parseDestinationHost(hostText)
  if ('wrong' in host) return host
  const ports = parsePorts(portsText)
  if (!ports.ok) {
    return {
      wrong: `${quote(portsText)} is no set of ports; write for example 443, 80,443, 8000-8100 or *`,
    }
  }
  const found = { host: host.value, ports: ports.value, text: value }
  return { value: transport === undefined ? found : carriedOver(found, transport) }
}

function parsePing(text: string, hostText: string, portsText?: string): Parsed<Destination> {
  if (portsText !== undefined) {
    return { wrong: `${quote(text)} names ports, and ping has none; write "${hostText}/icmp"` }
  }
  const host = parseDestinationHost(hostText)
  if ('wrong' in host) return host
  return { value: { host: host.value, ports: NO_PORT, transport: 'icmp', text } }
}

/** What a destination stands for where it opens something: TCP, unless it says otherwise. */
export function opening(one: Destination): Destination {
  return carriedOver(one, one.transport ?? 'tcp')
}

/** Key by key: what a spread makes with a key added has a shape of its own in V8, and is slow to read ever after. */
function carriedOver({ host, ports, text }: Destination, transport: Transport): Destination {
  return { host, ports, text, transport }
}

/** What it stands for where it closes something: unless it says otherwise TCP and UDP, and with all ports ping. */
export function closing(one: Destination): readonly Destination[] {
  const isEverything = one.transport === undefined && portsCover(one.ports, ALL_PORTS)
  return isEverything ? [one, carriedOver({ ...one, ports: NO_PORT }, 'icmp')] : [one]
}

/** The last colon parts host and ports, unless it lies within brackets or there are several without brackets. */
function split(endpoint: string): { hostText: string; portsText?: string } {
  const colon = endpoint.lastIndexOf(':')
  const bare = !endpoint.startsWith('[') && endpoint.indexOf(':') !== colon
  if (colon < 0 || bare || endpoint.endsWith(']')) return { hostText: endpoint }
  return { hostText: endpoint.slice(0, colon), portsText: endpoint.slice(colon + 1) }
}

function parseDestinationHost(hostText: string): Parsed<DestinationHost> {
  if (hostText === '*') return { value: { kind: 'any' } }
  const bracketed = hostText.startsWith('[') && hostText.endsWith(']')
  const inner = bracketed ? hostText.slice(1, -1) : hostText
  if (bracketed || LOOKS_LIKE_ADDRESS.test(inner)) {
    const prefix = parsePrefix(inner)
    if (!prefix.ok) return { wrong: prefixMistake(inner, prefix.error) }
    return { value: { kind: 'prefix', prefix: prefix.value } }
  }
  const pattern = parseHostPattern(hostText)
  if (pattern.ok) return { value: { kind: 'name', pattern: pattern.value } }
  return { wrong: `${quote(hostText)} is not a host name, "*.zone", address or prefix` }
}
