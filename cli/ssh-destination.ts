/**
 * The OpenSSH options that carry `zt ssh` through the tunnel. Pure: nothing is run here.
 * Everything that reaches ssh, its ProxyCommand or known_hosts has been validated (names as DNS labels).
 */
import { formatHost } from '#lib/net/endpoint'
import type { SshHop, SshInvocation } from './ssh-arguments.ts'

/** How ssh reaches the tunnel. */
export type ProxyCommand =
  | { readonly kind: 'nc'; readonly proxyHost: string; readonly proxyPort: number }
  | { readonly kind: 'zt'; readonly argv: readonly string[] }

/** Text of ProxyCommand; ssh hands it to the user's shell, so every word of ours is quoted. */
export function proxyCommandText(proxy: ProxyCommand): string {
  // `nc -X 5` starts in a few milliseconds; node in hundreds.
  if (proxy.kind === 'nc') return `nc -X 5 -x ${proxy.proxyHost}:${proxy.proxyPort} %h %p`
  return `${[...proxy.argv, 'connect'].map(quoteForShell).join(' ')} %h %p`
}

/** Quotes one word for a POSIX shell and for ssh's own `%` expansion. */
export function quoteForShell(word: string): string {
  return `'${word.replaceAll("'", "'\\''").replaceAll('%', '%%')}'`
}

/** known_hosts lines that trust the organisation's host CA for these hosts on any port. */
export function knownHostsText(hosts: readonly string[], authorities: readonly string[]): string {
  return hosts
    .flatMap((host) => authorities.map((key) => `@cert-authority ${host},[${host}]:* ${key}\n`))
    .join('')
}

type SshSettings = { readonly knownHostsFile: string; readonly proxy: ProxyCommand }

/** Whole argv of ssh. OpenSSH takes the first value of each option, so ours come first. */
export function sshArgv(invocation: SshInvocation, settings: SshSettings): readonly string[] {
  const { user, host, jumps, options, command } = invocation
  const way = jumps.reduce(
    (before, hop) => jumpText(hop, before, settings),
    proxyCommandText(settings.proxy),
  )
  const ours = ourOptions({ user, host }, way, settings)
  return ['ssh', ...ours, ...options, '--', formatHost(host), ...command]
}

/** ssh refuses `-J` beside a ProxyCommand: a jump is the ProxyCommand of what lies behind it. */
function jumpText({ user, host, port }: SshHop, way: string, settings: SshSettings): string {
  const ours = ourOptions({ user, host }, way, settings)
  const words = ['ssh', ...ours, ...(port === undefined ? [] : ['-p', String(port)])]
  return `${words.map(quoteForShell).join(' ')} -W '[%h]:%p' -- ${formatHost(host)}`
}

function ourOptions(
  { user, host }: { readonly user: string | undefined } & Pick<SshHop, 'host'>,
  way: string,
  { knownHostsFile }: SshSettings,
): readonly string[] {
  const options = [
    `ProxyCommand=${way}`,
    `UserKnownHostsFile=${knownHostsFile}`,
    'GlobalKnownHostsFile=/dev/null',
    'StrictHostKeyChecking=yes',
    'CheckHostIP=no',
    'UpdateHostKeys=no',
    'CanonicalizeHostname=no',
    'ControlPath=none',
    `HostName=${formatHost(host)}`,
  ].flatMap((option) => ['-o', option])
  return user === undefined ? options : [...options, '-l', user]
}

/** Text of an ssh_config part that brings plain `ssh host` under zt. Domains have been validated as names. */
export function sshConfigText(settings: {
  readonly domains: readonly string[]
  readonly knownHostsFile: string
  readonly proxy: ProxyCommand
}): string {
  const patterns = settings.domains.flatMap((domain) => [domain, `*.${domain}`])
  if (patterns.length === 0) return '# zt: the gateway names no domain of ours yet\n'
  return `# Written by "zt ssh-config". Include it from ~/.ssh/config.
Host ${patterns.join(' ')}
  ProxyCommand ${proxyCommandText(settings.proxy)}
  UserKnownHostsFile "${settings.knownHostsFile}"
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  CheckHostIP no
  UpdateHostKeys no
`
}
