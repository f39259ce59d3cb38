/**
 * The proxy auto-configuration file: sends what is ours to the proxy port, never past it. Pure.
 * Decides on the text of the host only: dnsResolve in a PAC file blocks browsers and leaks names.
 */
import { addressFromBytes, formatAddress } from '#lib/net/address'
import { parsePrefix } from '#lib/net/prefix'
import type { RouteSettings } from '../route.ts'

/** Type that browsers expect (draft-ietf-wrec-wpad-01, section 4.4). */
export const PAC_TYPE = 'application/x-ns-proxy-autoconfig'

/**
 * Prints the file. Settings come from the gateway: only what parses as a name or a prefix gets into the script.
 * @param settings undefined before any came: then everything goes to the proxy, which refuses with a reason.
 */
export function printPac(settings: RouteSettings | undefined, port: number): string {
  const ours = `return ${JSON.stringify(`PROXY 127.0.0.1:${port}`)};`
  if (settings === undefined || settings.others === 'refuse') return script([`  ${ours}`])
  const names = settings.domains.map(
    (domain) =>
      `  if (host === ${JSON.stringify(domain)} || dnsDomainIs(host, ${JSON.stringify(`.${domain}`)})) ${ours}`,
  )
  return script([
    '  host = host.toLowerCase().replace(/\\.$/, "");',
    ...names,
    ...prefixLines(settings.prefixes, ours),
    '  return "DIRECT";',
  ])
}

function script(lines: readonly string[]): string {
  return ['function FindProxyForURL(url, host) {', ...lines, '}', ''].join('\n')
}

function prefixLines(prefixes: readonly string[], ours: string): string[] {
  const parsed = prefixes.flatMap((text) => {
    const prefix = parsePrefix(text)
    return prefix.ok ? [prefix.value] : []
  })
  const v4 = parsed.filter(({ address }) => address.version === 4)
  const tests = v4.map(({ address, length }) => {
    const test = `isInNet(host, "${formatAddress(address)}", "${maskOf(length)}")`
    return `    if (${test}) ${ours}`
  })
  // isInNet would look a name up; IPv6 literals all go to the proxy, which knows the prefixes exactly.
  return [
    ...(tests.length === 0 ? [] : ['  if (/^[0-9.]+$/.test(host)) {', ...tests, '  }']),
    ...(v4.length === parsed.length ? [] : [`  if (host.indexOf(":") !== -1) ${ours}`]),
  ]
}

/** Dotted mask of an IPv4 prefix length. */
function maskOf(length: number): string {
  const octets = [0, 8, 16, 24].map((start) => {
    const bits = Math.min(8, Math.max(0, length - start))
    return 0xff & ~(0xff >> bits)
  })
  return formatAddress(addressFromBytes(Uint8Array.from(octets)))
}
