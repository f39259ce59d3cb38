/**
 * The text of /etc/resolv.conf (resolv.conf(5)): read, recognised, and rewritten so that our resolver comes first. Pure.
 */
import { formatAddress, type IpAddress, parseAddress } from '#lib/net/address'

/** First line of one that we wrote: which servers in it are ours, and where the file before it is. */
const HEADER = /^# Written by zt-daemon for ([0-9a-f:. ]+); the file before it is \S+\n/

/** Who wrote it, as its comments and its target tell. */
export type ResolvConfOwner =
  | 'zt'
  | 'systemd-resolved'
  | 'NetworkManager'
  | 'resolvconf'
  | 'dhclient'
  | 'dhcpcd'
  | 'other_vpn'
  | 'unknown'

/** glibc reads no more servers than these (MAXNS). */
const SERVER_LIMIT = 3

/** Comments that programs leave at the top, and where their file lies; the first that matches is the owner. */
const SIGNS: readonly (readonly [ResolvConfOwner, RegExp])[] = [
  ['systemd-resolved', /systemd-resolved|\/systemd\/resolve\//],
  ['NetworkManager', /NetworkManager/],
  ['resolvconf', /resolvconf/],
  ['dhclient', /dhclient/],
  ['dhcpcd', /dhcpcd/],
  ['other_vpn', /tailscale|cloudflare|mullvad|openvpn|nordvpn|netbird|expressvpn/i],
]

/** Who wrote it. @param target where a symbolic link leads to. */
export function resolvConfOwner(text: string, target = ''): ResolvConfOwner {
  if (isOurs(text)) return 'zt'
  const comments = text.split('\n').filter((line) => /^\s*[#;]/.test(line))
  const signs = [target, ...comments].join('\n')
  return SIGNS.find(([, sign]) => sign.test(signs))?.[0] ?? 'unknown'
}

/** Whether we wrote this text. */
export function isOurs(text: string): boolean {
  return HEADER.test(text)
}

/** Servers in their order, as they are written; one may have a zone id. What is no address is left out. */
export function nameserversOf(text: string): readonly string[] {
  return [...text.matchAll(/^nameserver[ \t]+([^\s#;]+)/gm)]
    .map(([, server = '']) => server)
    .filter((server) => parseAddress(withoutZone(server)).ok)
}

/** What a resolv.conf of ours is made from. */
export type TakeOver = {
  /** Our resolver. */
  readonly server: IpAddress
  /** Where the file before it is. */
  readonly backup: string
}

/**
 * The text that replaces `original`; search domains and options stay as they are, and servers that were there stand
 * behind ours: when the daemon was killed its address is unreachable at once, and the C library goes on to them.
 */
export function takenOver(original: string, { server, backup }: TakeOver): string {
  const own = formatAddress(server)
  const others = nameserversOf(original).filter((other) => other !== own)
  const all = [own, ...others].slice(0, SERVER_LIMIT)
  const header = `# Written by zt-daemon for ${own}; the file before it is ${backup}`
  return `${[header, ...all.map((one) => `nameserver ${one}`), ...withoutServers(original)].join('\n')}\n`
}

/** Lines that say how to search and ask, not whom. */
export function withoutServers(text: string): readonly string[] {
  return text.split('\n').filter((line) => /^(search|domain|options|sortlist)\s/.test(line))
}

/** What is left of one of ours when the file before it is lost. */
export function withoutOurs(text: string): string {
  const own = HEADER.exec(text)?.[1]?.split(' ') ?? []
  return text
    .replace(HEADER, '')
    .split('\n')
    .filter((line) => !nameserversOf(line).some((server) => own.includes(server)))
    .join('\n')
}

/** fe80::1%eth0 without its zone (RFC 4007 section 11). */
function withoutZone(server: string): string {
  return server.split('%')[0] ?? server
}
