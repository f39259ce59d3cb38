/**
 * What an HTTP request to the proxy port asks for, and the headers that go on (RFC 9110, RFC 9112). Pure.
 * The octets are parsed by node:http.
 */
import { err, ok, type Result } from '#lib/result'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import { parseAuthority } from './target.ts'

/** A request in the form that the next hop sees. */
export type ForwardRequest = {
  readonly target: FlowTarget
  /** Origin-form: path and query. */
  readonly path: string
  /** Value of `Host`: the authority as it stood in the request target (RFC 9112 section 3.2.2). */
  readonly host: string
}

export type RequestTargetError = { readonly reason: 'bad_request_target' | 'scheme_not_supported' }

const HTTP_PORT = 80
/** Headers of one hop (RFC 9110 section 7.6.1), those of a proxy, and `Expect`, which this hop answers itself. */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Parses an absolute-form target `http://host[:port]/path` (RFC 9112 section 3.2.2). Never throws. */
export function parseAbsoluteForm(text: string): Result<ForwardRequest, RequestTargetError> {
  const parts = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^#]*)/i.exec(text)
  const [, scheme, authority, rest] = parts ?? []
  if (scheme === undefined || authority === undefined || rest === undefined) {
    return err({ reason: 'bad_request_target' })
  }
  if (scheme.toLowerCase() !== 'http') return err({ reason: 'scheme_not_supported' })
  const target = parseAuthority(authority, HTTP_PORT)
  if (!target.ok) return err({ reason: 'bad_request_target' })
  return ok({
    target: target.value,
    path: rest.startsWith('/') ? rest : `/${rest}`,
    host: authority,
  })
}

/**
 * Headers for the next hop, names and values alternating as node:http gives and takes them.
 * Drops what belongs to one hop, what `Connection` names, and `Host`.
 */
export function forwardedHeaders(rawHeaders: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    pairs.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''])
  }
  const dropped = new Set(HOP_BY_HOP)
  for (const [name, value] of pairs) {
    if (name.toLowerCase() === 'connection') addNames(value, dropped)
  }
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase()))
}

/**
 * Whether `Host` of an origin-form request names this port on this machine. A page on a name that was
 * rebound to 127.0.0.1 sends its own name (DNS rebinding, T100).
 */
export function isOwnHost(host: string | undefined, port: number): boolean {
  return host === `127.0.0.1:${port}` || host?.toLowerCase() === `localhost:${port}`
}

function addNames(list: string, names: Set<string>): void {
  for (const name of list.split(',')) names.add(name.trim().toLowerCase())
}
