/**
 * Destinations as programs write them: a DNS name or an IP literal, and a port. Nothing is looked up here.
 */
import { formatAddress } from '#lib/net/address'
import { parseHost } from '#lib/net/endpoint'
import { err, ok, type Result } from '#lib/result'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'

export type BadHost = { readonly reason: 'bad_host' }

const MAX_PORT = 65535
/** getaddrinfo takes `0x7f000001` for 127.0.0.1 (inet_aton); no DNS name of ours looks like that. */
const HEX_NUMBER = /^0x[0-9a-f]*$/

/**
 * Parses a host: a DNS name, an IPv4 literal of four decimal parts, or an IPv6 literal with or without brackets.
 * IPv4-mapped IPv6 becomes IPv4, so that one destination has one spelling (T121).
 * @returns the canonical spelling. Never throws.
 */
export function parseTargetHost(text: string): Result<string, BadHost> {
  const host = parseHost(text)
  if (!host.ok) return host
  if (host.value.kind === 'address') return ok(formatAddress(host.value.address))
  const { name } = host.value
  return HEX_NUMBER.test(name.split('.').at(-1) ?? '') ? err({ reason: 'bad_host' }) : ok(name)
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
