/** The path of a request for UDP flows (RFC 9298 section 3), with the template that RFC 9298 section 2 proposes. */
import type { FlowTarget } from './tunnel-connection.ts'

/** Of `:protocol` (RFC 8441 section 4). */
export const UDP_PROTOCOL = 'connect-udp'
const PATH = /^\/\.well-known\/masque\/udp\/([^/]{1,512})\/([0-9]{1,5})\/$/

/** @param target host as canonical text. */
export function printUdpPath({ host, port }: FlowTarget): string {
  return `/.well-known/masque/udp/${encodeURIComponent(host)}/${port}/`
}

/** The target as sent, its parts unchecked; undefined for any other path. Never throws. */
export function parseUdpPath(path: string): FlowTarget | undefined {
  const [, host, port] = PATH.exec(path) ?? []
  if (host === undefined) return undefined
  // Not decodeURIComponent, which throws; what is no ASCII is no host either.
  const decoded = host.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return { host: decoded, port: Number(port) }
}
