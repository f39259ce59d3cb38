/**
 * The destination of `zt ssh` and the OpenSSH options that carry it. Pure: nothing is run here.
 * Everything that reaches ssh, its ProxyCommand or known_hosts has been validated (names as DNS labels).
 */
import { formatHost, type Host, parseHost } from '#lib/net/endpoint'
import { err, ok, type Result } from '#lib/result'

/** Arguments of `zt ssh`, taken apart as ssh(1) does. */
export type SshInvocation = {
  /** Options for ssh, as given. */
  readonly options: readonly string[]
  readonly user?: string
  readonly host: Host
  readonly command: readonly string[]
}

export type SshArgumentError = {
  readonly reason: 'no_destination' | 'bad_host' | 'bad_user' | 'option_without_value'
  readonly got: string
}

/** Letters of the options of ssh(1) of OpenSSH 9 that take a value. */
const TAKES_VALUE = /[BbcDEeFIiJLlmOopQRSWw]/
/** POSIX portable names with the characters directories use; no `$`, backslash, quote, space, leading hyphen. */
const UNIX_USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/

/** Splits options, destination and command; options may stand behind the destination too. Never throws. */
export function parseSshArguments(
  args: readonly string[],
): Result<SshInvocation, SshArgumentError> {
  const before = takeOptions(args)
  if (!before.ok) return before
  const [destination, ...behind] = before.value.rest
  if (destination === undefined) return err({ reason: 'no_destination', got: '' })
  const parsed = parseDestination(destination)
  if (!parsed.ok) return parsed
  const after = takeOptions(behind)
  if (!after.ok) return after
  const options = [...before.value.options, ...after.value.options]
  return ok({ options, ...parsed.value, command: after.value.rest })
}

type Taken = { readonly options: readonly string[]; readonly rest: readonly string[] }

/** Options up to the first word that is none, or to `--`, which is left out. */
function takeOptions(args: readonly string[]): Result<Taken, SshArgumentError> {
  let index = 0
  for (; index < args.length; index++) {
    const arg = args[index] ?? ''
    if (!arg.startsWith('-') || arg === '-' || arg === '--') break
    // In a bundle such as `-vp` the first letter that takes a value takes the rest, or the next word.
    const at = arg.search(TAKES_VALUE)
    if (at < 0) continue
    const value = arg.slice(at + 1) || args[++index]
    if (value === undefined) return err({ reason: 'option_without_value', got: arg })
    const user = userOf(arg.charAt(at), value)
    if (user !== undefined && !UNIX_USER.test(user)) return err({ reason: 'bad_user', got: user })
  }
  const isEnded = args[index] === '--'
  return ok({ options: args.slice(0, index), rest: args.slice(isEnded ? index + 1 : index) })
}

/** User that an option names: `-l`, `-o User=`. */
function userOf(letter: string, value: string): string | undefined {
  if (letter === 'l') return value
  return letter === 'o' ? /^\s*user(?:\s*=\s*|\s+)(.*?)\s*$/i.exec(value)?.[1] : undefined
}

function parseDestination(text: string): Result<{ user?: string; host: Host }, SshArgumentError> {
  const at = text.lastIndexOf('@')
  const user = at < 0 ? undefined : text.slice(0, at)
  const host = parseHost(text.slice(at + 1))
  if (!host.ok) return err({ reason: 'bad_host', got: text })
  if (user === undefined) return ok({ host: host.value })
  return UNIX_USER.test(user)
    ? ok({ user, host: host.value })
    : err({ reason: 'bad_user', got: user })
}

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

/** known_hosts lines that trust the organisation's host CA for one host on any port. */
export function knownHostsText(host: string, authorities: readonly string[]): string {
  return authorities.map((key) => `@cert-authority ${host},[${host}]:* ${key}\n`).join('')
}

/** Whole argv of ssh. OpenSSH takes the first value of each option, so ours come first. */
export function sshArgv(
  invocation: SshInvocation,
  settings: { readonly knownHostsFile: string; readonly proxy: ProxyCommand },
): readonly string[] {
  const host = formatHost(invocation.host)
  const options = [
    `ProxyCommand=${proxyCommandText(settings.proxy)}`,
    `UserKnownHostsFile=${settings.knownHostsFile}`,
    'GlobalKnownHostsFile=/dev/null',
    'StrictHostKeyChecking=yes',
    'CheckHostIP=no',
    'UpdateHostKeys=no',
    'CanonicalizeHostname=no',
    'ControlPath=none',
    `HostName=${host}`,
  ].flatMap((option) => ['-o', option])
  const login = invocation.user === undefined ? [] : ['-l', invocation.user]
  return ['ssh', ...options, ...login, ...invocation.options, '--', host, ...invocation.command]
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
