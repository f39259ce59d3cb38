/**
 * The proxy between this laptop and the Internet, for the tunnel and the enrolment: by setting, or by the usual
 * environment variables. Pure. Names are always left to the proxy: a laptop behind one often cannot resolve them.
 */
import { parseAddress } from '#lib/net/address'
import { parsePrefix, prefixContains } from '#lib/net/prefix'
import { err, ok, type Result } from '#lib/result'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import { parseTargetHost } from '../listen/target.ts'
import { isOwnPort } from '../route.ts'

/** A proxy. Its URL may hold a password: never log it. */
export type UpstreamProxy = {
  readonly kind: 'http' | 'socks4' | 'socks5'
  readonly host: string
  readonly port: number
  readonly url: URL
}

export type UpstreamError = { readonly reason: 'bad_proxy_url' | 'upstream_is_self' }

/** Environment variables that matter, already read; lower case wins, as in curl. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>

const KINDS: Readonly<Record<string, readonly [UpstreamProxy['kind'], number]>> = {
  'http:': ['http', 80],
  'https:': ['http', 443],
  'socks:': ['socks5', 1080],
  'socks5:': ['socks5', 1080],
  'socks5h:': ['socks5', 1080],
  'socks4:': ['socks4', 1080],
  'socks4a:': ['socks4', 1080],
}

/**
 * Parses the URL of a proxy; without a scheme it is `http://`, as in curl.
 * @param ownPorts our own listeners: the tunnel through ourselves would wait for itself.
 */
export function parseUpstream(
  text: string,
  ownPorts: readonly number[],
): Result<UpstreamProxy, UpstreamError> {
  const full = text.includes('://') ? text : `http://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  const [kind, defaultPort] = KINDS[url?.protocol ?? ''] ?? []
  const host = parseTargetHost(url?.hostname ?? '')
  if (url === undefined || kind === undefined || defaultPort === undefined || !host.ok) {
    return err({ reason: 'bad_proxy_url' })
  }
  const port = url.port === '' ? defaultPort : Number(url.port)
  if (isOwnPort({ host: host.value, port }, ownPorts)) return err({ reason: 'upstream_is_self' })
  return ok({ kind, host: host.value, port, url })
}

/** The URL that setting and environment name for a destination; undefined for a direct connection. */
export function upstreamUrlFor(
  target: FlowTarget,
  setting: string | undefined,
  environment: ProxyEnvironment,
): string | undefined {
  const named = (name: string): string | undefined =>
    (environment[name] ?? environment[name.toUpperCase()]) || undefined
  if (setting !== undefined) return setting
  if (isExempt(target, named('no_proxy') ?? '')) return undefined
  return named('https_proxy') ?? named('all_proxy')
}

/** NO_PROXY: `*`, names with all below them, addresses and prefixes, each with an optional port. */
function isExempt({ host, port }: FlowTarget, list: string): boolean {
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      const [, text = '', onlyPort] =
        /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::([0-9]+))?$/.exec(entry) ?? []
      if (onlyPort !== undefined && Number(onlyPort) !== port) return false
      return text === '*' || matchesHost(host, text.replace(/^\[|\]$/g, '').toLowerCase())
    })
}

function matchesHost(host: string, text: string): boolean {
  const address = parseAddress(host)
  const prefix = parsePrefix(text)
  if (address.ok) return prefix.ok && prefixContains(prefix.value, address.value)
  const name = text.replace(/^\*?\./, '')
  return name !== '' && (host === name || host.endsWith(`.${name}`))
}
