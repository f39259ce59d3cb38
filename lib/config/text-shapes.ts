/**
 * Shapes of single texts that several sections use.
 */
import { quote } from '#lib/config/mistake'
import { type Shape, text } from '#lib/config/shape'
import { formatAddress, parseAddress } from '#lib/net/address'
import { parseHost } from '#lib/net/endpoint'
import { type HostName, parseHostName } from '#lib/net/host'
import { parsePort } from '#lib/net/ports'
import { type Prefix, type PrefixError, parsePrefix } from '#lib/net/prefix'

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const DURATION = /^([1-9][0-9]{0,8})(ms|s|m|h|d)$/
/** Longest duration: a year; node timers end at 2^31 ms, so users of longer ones have to slice anyway. */
const DURATION_LIMIT_MS = 366 * UNIT_MS.d
/** A name that stands in logs, paths and commands without quoting. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const TEXT_LIMIT = 256

/** `30s`, `10m`, `1h`, `7d`: milliseconds. */
export const duration: Shape<number> = text('a duration such as 30s, 10m, 1h or 7d', (value) => {
  const match = DURATION.exec(value)
  const unit = match?.[2] as keyof typeof UNIT_MS | undefined
  if (match === null || unit === undefined) {
    return { wrong: `${quote(value)} is not a duration; write for example 30s, 10m, 1h or 7d` }
  }
  const milliseconds = Number(match[1]) * UNIT_MS[unit]
  if (milliseconds > DURATION_LIMIT_MS) return { wrong: `${quote(value)} is longer than 366d` }
  return { value: milliseconds }
})

/** A duration, or `0s` for none: milliseconds. */
export const durationOrNone: Shape<number> = {
  kind: `${duration.kind}, or 0s`,
  decode: (value, path) =>
    value === '0s' ? { value: 0, mistakes: [] } : duration.decode(value, path),
}

const SIZE = /^([1-9][0-9]{0,8})(KiB|MiB|GiB|TiB)$/
const UNIT_BYTES = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const

/** `100MiB`, `1GiB`: octets. */
export const size: Shape<number> = text('a size such as 512KiB, 100MiB or 1GiB', (value) => {
  const match = SIZE.exec(value)
  const unit = match?.[2] as keyof typeof UNIT_BYTES | undefined
  const octets =
    match === null || unit === undefined ? Number.NaN : Number(match[1]) * UNIT_BYTES[unit]
  if (Number.isSafeInteger(octets)) return { value: octets }
  return { wrong: `${quote(value)} is not a size; write for example 512KiB, 100MiB or 1GiB` }
})

/** A name of ours: letters, digits, `.`, `_`, `-`. */
export const name: Shape<string> = text('a name', (value) =>
  NAME.test(value)
    ? { value }
    : {
        wrong: `${quote(value)} is not a name; a name has 1 to 64 letters, digits, ".", "_" or "-" and starts with a letter or digit`,
      },
)

/** Any text on one line. */
export const line: Shape<string> = text('a text', (value) =>
  value.length > 0 && value.length <= TEXT_LIMIT && !/\p{C}/u.test(value)
    ? { value }
    : { wrong: `${quote(value)} is not a text of 1 to ${TEXT_LIMIT} characters on one line` },
)

/** A DNS name. */
export const hostName: Shape<HostName> = text('a host name', (value) => {
  const parsed = parseHostName(value)
  return parsed.ok ? parsed : { wrong: `${quote(value)} is not a host name` }
})

/** An IP address; its canonical text. */
export const address: Shape<string> = text('an IP address', (value) => {
  const parsed = parseAddress(value)
  if (parsed.ok) return { value: formatAddress(parsed.value) }
  return { wrong: `${quote(value)} is not an IP address` }
})

/** A CIDR prefix. */
export const prefix: Shape<Prefix> = text('a prefix such as 10.0.0.0/8', (value) => {
  const parsed = parsePrefix(value)
  return parsed.ok ? parsed : { wrong: prefixMistake(value, parsed.error) }
})

/** The sentence about a text that is no prefix. */
export function prefixMistake(value: string, { reason }: PrefixError): string {
  switch (reason) {
    case 'bad_address':
      return `${quote(value)} is not a prefix; write an address in full, as in 10.0.0.0/8`
    case 'bad_prefix_length': {
      const limit = value.includes(':') ? 128 : 32
      return `${quote(value)} is not a prefix; a prefix length is 0 to ${limit}`
    }
    case 'host_bits_set':
      return `${quote(value)} is not a prefix; bits after the prefix length are set`
  }
}

/** `host:port` to listen on; the host is an address, port 0 asks the system for one. */
export const listenAddress: Shape<{ readonly host: string; readonly port: number }> = text(
  'an address and port to listen on',
  (value) => {
    const wrong = `${quote(value)} is not an address and port; write for example 0.0.0.0:8443 or [::]:8443`
    const colon = value.lastIndexOf(':')
    const hostText = value.slice(0, Math.max(0, colon))
    const host = parseHost(hostText)
    if (!host.ok || host.value.kind !== 'address') return { wrong }
    if (hostText.includes(':') && !hostText.startsWith('[')) return { wrong }
    const portText = value.slice(colon + 1)
    const port = portText === '0' ? { ok: true as const, value: 0 } : parsePort(portText)
    if (!port.ok) return { wrong }
    const address = hostText.replace(/^\[|\]$/g, '')
    return { value: { host: address, port: port.value } }
  },
)

/** An origin: `https://host[:port]` and nothing behind it. */
export const httpsOrigin: Shape<string> = text('an https URL without a path', (value) => {
  const url = parseHttpsUrl(value)
  return url?.pathname === '/'
    ? { value: url.origin }
    : { wrong: `${quote(value)} is not an https URL without a path; write https://host:port` }
})

/** An https URL with a path perhaps, no query, no user information. */
export const httpsUrl: Shape<string> = text('an https URL', (value) => {
  const url = parseHttpsUrl(value)
  return url === undefined ? { wrong: `${quote(value)} is not an https URL` } : { value }
})

/** A path of a file. */
export const filePath: Shape<string> = text('a path of a file', (value) =>
  value.length > 0 && value.length <= 4096 && !value.includes('\0')
    ? { value }
    : { wrong: `${quote(value)} is not a path of a file` },
)

function parseHttpsUrl(value: string): URL | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url?.protocol !== 'https:' || url.search !== '' || url.hash !== '') return undefined
  // The URL standard reads octal and hexadecimal hosts as addresses: only what we would read the same may stand.
  const written = value.slice('https://'.length).split(/[/?#]/, 1)[0] ?? ''
  const host = parseHost(written.replace(/:[0-9]*$/, ''))
  return url.username === '' && url.password === '' && host.ok ? url : undefined
}
