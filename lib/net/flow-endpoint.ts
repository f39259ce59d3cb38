/**
 * Where a flow goes to, in one text: `HOST:PORT` over TCP, `HOST:PORT/udp`, or `HOST/icmp` for ping. Nothing is resolved.
 */
import {
  type EndpointError,
  formatHost,
  parseEndpoint,
  parseHost,
  printAuthority,
} from '#lib/net/endpoint'
import { err, ok, type Result } from '#lib/result'

/** What carries a flow; `icmp` is echo requests and their answers. */
export type Transport = 'tcp' | 'udp' | 'icmp'

export type FlowEndpoint = {
  /** Canonical, without brackets. */
  readonly host: string
  /** 1 to 65535; 0 where ping has none. */
  readonly port: number
  readonly transport: Transport
}

/** Whether the port is one that the transport has: 0 for ping, and for nothing else. Without a transport it is TCP. */
export function hasItsPort(to: { readonly port: number; readonly transport?: string }): boolean {
  return (to.port === 0) === (to.transport === 'icmp')
}

/** Parses such a text; `/tcp` may stand as well. Never throws. */
export function parseFlowEndpoint(text: string): Result<FlowEndpoint, EndpointError> {
  const slash = text.lastIndexOf('/')
  const place = slash < 0 ? text : text.slice(0, slash)
  const transport = slash < 0 ? 'tcp' : text.slice(slash + 1)
  if (transport === 'icmp') {
    const host = parseHost(place)
    return host.ok ? ok({ host: formatHost(host.value), port: 0, transport }) : host
  }
  if (transport !== 'tcp' && transport !== 'udp') return err({ reason: 'bad_port' })
  const endpoint = parseEndpoint(place)
  if (!endpoint.ok) return endpoint
  return ok({ host: formatHost(endpoint.value.host), port: endpoint.value.port, transport })
}

/** The text; parsing it gives the same. */
export function printFlowEndpoint(to: {
  readonly host: string
  readonly port: number
  readonly transport?: Transport | undefined
}): string {
  if (to.transport === 'icmp') return `${to.host.includes(':') ? `[${to.host}]` : to.host}/icmp`
  return `${printAuthority(to)}${to.transport === 'udp' ? '/udp' : ''}`
}
