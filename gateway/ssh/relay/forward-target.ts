/**
 * What channels and global requests of forwardings name: an address and a port, or the path of a socket
 * (RFC 4254 section 7, OpenSSH PROTOCOL section 2.4).
 */
import { printAuthority } from '#lib/net/endpoint'
import { SshReader } from '#lib/ssh/reader'

/** As the peer wrote it; nothing is resolved. */
export type ForwardTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

const SHAPES: ReadonlyMap<string, ForwardTarget['kind']> = new Map([
  ['direct-tcpip', 'tcp'],
  ['direct-streamlocal@openssh.com', 'unix'],
  ['tcpip-forward', 'tcp'],
  ['cancel-tcpip-forward', 'tcp'],
  ['streamlocal-forward@openssh.com', 'unix'],
  ['cancel-streamlocal-forward@openssh.com', 'unix'],
  ['forwarded-tcpip', 'tcp'],
  ['forwarded-streamlocal@openssh.com', 'unix'],
])

/** Reads what is named. @returns undefined for what names nothing, and for malformed fields. */
export function readForwardTarget(name: string, fields: Buffer): ForwardTarget | undefined {
  const kind = SHAPES.get(name)
  if (kind === undefined) return undefined
  const reader = new SshReader(fields)
  const text = reader.string().toString('utf8')
  const target: ForwardTarget =
    kind === 'unix' ? { kind, path: text } : { kind, host: text, port: reader.uint32() }
  return reader.failed ? undefined : target
}

/** For records and logs. */
export function printForwardTarget(target: ForwardTarget): string {
  return target.kind === 'unix' ? target.path : printAuthority(target)
}
