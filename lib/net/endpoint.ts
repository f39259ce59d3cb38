/**
 * Hosts and `host:port` as programs state them (SOCKS, CONNECT authorities, command lines). Nothing is resolved.
 */
import { formatAddress, type IpAddress, parseAddress } from '#lib/net/address'
import { type HostName, parseHostName } from '#lib/net/host'
import { parsePort } from '#lib/net/ports'
import { err, ok, type Result } from '#lib/result'

/** A name that somebody has to resolve, or an address. */
export type Host =
  | { readonly kind: 'name'; readonly name: HostName }
  | { readonly kind: 'address'; readonly address: IpAddress }

/** Where a flow goes to. */
export type Endpoint = {
  readonly host: Host
  /** 1 to 65535. */
  readonly port: number
}

/** Why a text is no endpoint. */
export type EndpointError = { readonly reason: 'bad_host' | 'bad_port' }

/** Parses a host: a name, an IPv4 literal, or an IPv6 literal with or without brackets. Never throws. */
export function parseHost(text: string): Result<Host, { readonly reason: 'bad_host' }> {
  const bracketed = text.startsWith('[') && text.endsWith(']')
  const inner = bracketed ? text.slice(1, -1) : text
  const address = parseAddress(inner)
  if (address.ok && (!bracketed || inner.includes(':'))) {
    return ok({ kind: 'address', address: address.value })
  }
  const name = parseHostName(text)
  return name.ok ? ok({ kind: 'name', name: name.value }) : err({ reason: 'bad_host' })
}

/** Parses `host:port`; an IPv6 literal needs brackets (RFC 3986 section 3.2.2). Never throws. */
export function parseEndpoint(text: string): Result<Endpoint, EndpointError> {
  const colon = text.lastIndexOf(':')
  if (colon < 0) return err({ reason: 'bad_port' })
  const hostText = text.slice(0, colon)
  const host = parseHost(hostText)
  if (!host.ok || (hostText.includes(':') && !hostText.startsWith('['))) {
    return err({ reason: 'bad_host' })
  }
  const port = parsePort(text.slice(colon + 1))
  return port.ok ? ok({ host: host.value, port: port.value }) : port
}

/** Canonical text without brackets, as facts and records hold it. */
export function formatHost(host: Host): string {
  return host.kind === 'name' ? host.name : formatAddress(host.address)
}

/**
 * `host:port` as it stands in a URL or a request (RFC 3986 section 3.2.2, RFC 9110 section 7.2).
 * @param host canonical text, without brackets.
 */
export function printAuthority({
  host,
  port,
}: {
  readonly host: string
  readonly port: number
}): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
