/**
 * How flows of datagrams are asked for: extended CONNECT (RFC 8441 section 4), with a protocol and a path for each
 * transport. UDP is RFC 9298 section 3, with the template that its section 2 proposes; ping is our own.
 */
import type { DatagramTransport, FlowTarget } from './tunnel-connection.ts'

type Form = {
  /** Of `:protocol`. */
  readonly protocol: string
  /** Host, and port where there is one. */
  readonly path: RegExp
}

const FORMS: Readonly<Record<DatagramTransport, Form>> = {
  udp: {
    protocol: 'connect-udp',
    path: /^\/\.well-known\/masque\/udp\/([^/]{1,512})\/([0-9]{1,5})\/$/,
  },
  icmp: { protocol: 'zt-icmp', path: /^\/\.well-known\/zt\/icmp\/([^/]{1,512})\/$/ },
}

export function protocolOf(transport: DatagramTransport): string {
  return FORMS[transport].protocol
}

/** What a `:protocol` carries; undefined for one of others. */
export function transportOf(protocol: string): DatagramTransport | undefined {
  if (protocol === FORMS.udp.protocol) return 'udp'
  return protocol === FORMS.icmp.protocol ? 'icmp' : undefined
}

/** @param target host as canonical text. */
export function printDatagramPath(
  transport: DatagramTransport,
  { host, port }: FlowTarget,
): string {
  const place = encodeURIComponent(host)
  return transport === 'udp'
    ? `/.well-known/masque/udp/${place}/${port}/`
    : `/.well-known/zt/icmp/${place}/`
}

/** The target as sent, its parts unchecked; undefined for any other path. Never throws. */
export function parseDatagramPath(
  transport: DatagramTransport,
  path: string,
): FlowTarget | undefined {
  const [, host, port = '0'] = FORMS[transport].path.exec(path) ?? []
  if (host === undefined) return undefined
  // Not decodeURIComponent, which throws; what is no ASCII is no host either.
  const decoded = host.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return { host: decoded, port: Number(port) }
}
