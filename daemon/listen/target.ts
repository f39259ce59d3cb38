/**
 * Destinations as programs write them: a DNS name or an IP literal, and a port. Nothing is looked up here.
 */
import ipaddr from 'ipaddr.js'
import { parseHostName } from '#lib/net/host'
import { err, ok, type Result } from '#lib/result'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'

export type BadHost = { readonly reason: 'bad_host' }

const MAX_PORT = 65535
/** getaddrinfo takes `0x7f000001` for 127.0.0.1 (inet_aton); no DNS name of ours looks like that. */
const HEX_NUMBER = /^0x[0-9a-f]*$/
/** IPv6 zone ids name an interface of this machine; they mean nothing at the gateway. */
const ZONE = '%'

/**
 * Parses a host: a DNS name, an IPv4 literal of four decimal parts, or an IPv6 literal with or without brackets.
 * IPv4-mapped IPv6 becomes IPv4, so that one destination has one spelling (T121).
 * @returns the canonical spelling. Never throws.
 */
export function parseTargetHost(text: string): Result<string, BadHost> {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ok(text)
  const literal = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  if (literal.includes(':')) return parseIpv6(literal)
  const name = parseHostName(text)
  if (!name.ok || HEX_NUMBER.test(name.value.split('.').at(-1) ?? '')) {
    return err({ reason: 'bad_host' })
  }
  return name
}

/** Parses `host:port` or `[v6]:port` (RFC 9110 section 7.2); without a port it is `defaultPort`, if there is one. */
export function parseAuthority(text: string, defaultPort?: number): Result<FlowTarget, BadHost> {
  const parts = /^(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?$/.exec(text)
  const host = parseTargetHost(parts?.[1] ?? '')
  const port = parts?.[2] === undefined ? defaultPort : Number(parts[2])
  if (!host.ok || port === undefined || port < 1 || port > MAX_PORT) {
    return err({ reason: 'bad_host' })
  }
  return ok({ host: host.value, port })
}

/** Prints `host:port` as it stands in a URL: IPv6 in brackets. */
export function printAuthority({ host, port }: FlowTarget): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function parseIpv6(text: string): Result<string, BadHost> {
  if (text.includes(ZONE) || !ipaddr.IPv6.isValid(text)) return err({ reason: 'bad_host' })
  const address = ipaddr.IPv6.parse(text)
  return ok(address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toString())
}
