/**
 * Commands that carry SSH and plain TCP: ssh, ssh-config, connect.
 */
import type { Command } from 'commander'
import type { DaemonStatus } from '#lib/api/control-api'
import { formatHost } from '#lib/net/endpoint'
import { parseHostName } from '#lib/net/host'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, type CliIo, EXIT, NOT_ENROLLED, report } from '../cli-io.ts'
import { denialOf } from '../denial.ts'
import { type CliDestination, parseDestinationArguments } from '../destination.ts'
import { parseSshArguments, type SshArgumentError, type SshHop } from '../ssh-arguments.ts'
import { knownHostsText, type ProxyCommand, sshArgv, sshConfigText } from '../ssh-destination.ts'
import { sayWhatWaits } from '../waiting.ts'
import type { Run } from './device.ts'

/** What these commands do to the machine. */
export type SshIo = {
  /** argv of this very program, for a ProxyCommand without nc. */
  readonly selfArgv: readonly string[]
  /** Whether OpenBSD's netcat, which speaks SOCKS5, is installed. */
  hasSocksNetcat(): Promise<boolean>
  /** Runs ssh on this terminal with known_hosts of this text. @returns its exit code. */
  runSsh(argv: (knownHostsFile: string) => readonly string[], knownHosts: string): Promise<number>
  /** Keeps known_hosts for `ssh-config`. @returns the path. */
  keepKnownHosts(text: string): string
  /** Joins stdin and stdout to a destination through the daemon's proxy port; says when the connection stands. */
  connect(
    proxy: { readonly host: string; readonly port: number },
    to: CliDestination,
    onAnswered: () => void,
  ): Promise<Result<void, CliFailure>>
}

/** Adds the SSH commands to `program`. */
export function addSshCommands(program: Command, io: CliIo & SshIo, run: Run): void {
  program
    .command('ssh')
    .description('run the installed ssh through the tunnel; the host is vouched for by the gateway')
    .argument('[arguments...]', '[ssh options] [user@]host [ssh options] [command…]')
    .allowUnknownOption()
    .passThroughOptions()
    .addHelpText(
      'after',
      '\nExamples:\n  $ zt ssh alice@db1.corp.internal\n  $ zt ssh -p 2222 db1.corp.internal uptime\n  $ zt ssh -J bastion.corp.internal db1.corp.internal\n\nThe exit code is the one of ssh.',
    )
    .action((args: string[]) => run(() => ssh(io, args)))
  program
    .command('ssh-config')
    .description('print a part for ~/.ssh/config, so that plain "ssh host" goes through the tunnel')
    .option('--json', 'print JSON: the text, and the file of known hosts that it names')
    .addHelpText('after', '\nExample:\n  $ zt ssh-config > ~/.ssh/zt.conf   # and: Include zt.conf')
    .action((options: { readonly json?: boolean }) => run(() => sshConfig(io, options)))
  program
    .command('connect')
    .description('join stdin and stdout to HOST PORT through the tunnel (for ProxyCommand)')
    .argument('<host>')
    .argument('<port>')
    .addHelpText(
      'after',
      '\nExample:\n  $ ssh -o ProxyCommand="zt connect %h %p" db1.corp.internal',
    )
    .action((host: string, port: string) => run(() => connect(io, host, port)))
}

async function statusOf(io: CliIo): Promise<Result<DaemonStatus, CliFailure>> {
  const answer = await io.askDaemon({ method: 'status' })
  if (!answer.ok) return answer
  if (!('status' in answer.value)) {
    return err({
      code: 'bad_answer',
      message: 'The daemon gave another answer.',
      exitCode: EXIT.failed,
    })
  }
  return ok(answer.value.status)
}

/** Status of a daemon that has a gateway: nothing goes to one before. */
async function enrolledStatus(io: CliIo): Promise<Result<DaemonStatus, CliFailure>> {
  const status = await statusOf(io)
  return status.ok && status.value.state === 'not_enrolled' ? err(NOT_ENROLLED) : status
}

async function proxyCommandOf(io: SshIo, { proxy }: DaemonStatus): Promise<ProxyCommand> {
  return (await io.hasSocksNetcat())
    ? { kind: 'nc', proxyHost: proxy.host, proxyPort: proxy.port }
    : { kind: 'zt', argv: io.selfArgv }
}

async function ssh(io: CliIo & SshIo, args: readonly string[]): Promise<number> {
  const invocation = parseSshArguments(args)
  if (!invocation.ok) return report(io, argumentFailure(invocation.error))
  const status = await enrolledStatus(io)
  if (!status.ok) return report(io, status.error)
  if (status.value.sshHostAuthorities.length === 0) {
    return report(io, {
      code: 'no_host_authority',
      message: 'The gateway has not sent its SSH host authority yet; look at "zt status".',
      exitCode: EXIT.notReachable,
    })
  }
  const proxy = await proxyCommandOf(io, status.value)
  const { jumps, host: target } = invocation.value
  const hosts = [...jumps.map(({ host }) => formatHost(host)), formatHost(target)]
  const runSsh = (): Promise<number> =>
    io.runSsh(
      (knownHostsFile) => sshArgv(invocation.value, { knownHostsFile, proxy }),
      knownHostsText(hosts, status.value.sshHostAuthorities),
    )
  // "zt connect" as the proxy command says it all itself.
  return proxy.kind === 'zt' ? runSsh() : tellingWhy(io, jumps[0] ?? invocation.value, runSsh)
}

/** As ssh(1) ends when it has no connection, or lost it. */
const SSH_FAILED = 255
const SSH_PORT = 22

/** Says what nc cannot: what the connection waits for, and why there is none. */
async function tellingWhy(
  io: CliIo,
  first: SshHop,
  runSsh: () => Promise<number>,
): Promise<number> {
  const to = { host: formatHost(first.host), port: first.port ?? SSH_PORT }
  const code = await sayWhatWaits(io, { host: to.host }, runSsh)
  const denial = code === SSH_FAILED ? await denialOf(io, to) : undefined
  if (denial !== undefined) report(io, denial)
  return code
}

function argumentFailure({ reason, got }: SshArgumentError): CliFailure {
  const messages: Readonly<Record<SshArgumentError['reason'], string>> = {
    no_destination: 'Name a destination: zt ssh [user@]host [command…].',
    bad_host: `${JSON.stringify(got)} is not a host name of DNS labels, nor an address.`,
    bad_user: `${JSON.stringify(got)} is not a UNIX user name that zt passes on.`,
    option_without_value: `Option ${got} needs a value.`,
  }
  return { code: reason, message: messages[reason], exitCode: EXIT.usage }
}

async function sshConfig(
  io: CliIo & SshIo,
  { json }: { readonly json?: boolean },
): Promise<number> {
  const status = await enrolledStatus(io)
  if (!status.ok) return report(io, status.error)
  const domains = status.value.domains.flatMap((text) => {
    const name = parseHostName(text)
    return name.ok ? [name.value] : []
  })
  const patterns = domains.map((domain) => `${domain},*.${domain},[${domain}]:*,[*.${domain}]:*`)
  const text = status.value.sshHostAuthorities
    .flatMap((key) => patterns.map((pattern) => `@cert-authority ${pattern} ${key}\n`))
    .join('')
  const proxy = await proxyCommandOf(io, status.value)
  const knownHostsFile = io.keepKnownHosts(text)
  const config = sshConfigText({ domains, knownHostsFile, proxy }).trimEnd()
  io.print(json ? JSON.stringify({ config, domains, knownHostsFile }) : config)
  return EXIT.ok
}

async function connect(io: CliIo & SshIo, hostText: string, portText: string): Promise<number> {
  const to = parseDestinationArguments(hostText, portText)
  if (!to.ok) return report(io, to.error)
  const status = await statusOf(io)
  if (!status.ok) return report(io, status.error)
  const done = await sayWhatWaits(io, to.value, (onAnswered) =>
    io.connect(status.value.proxy, to.value, onAnswered),
  )
  if (done.ok) return EXIT.ok
  const denial = done.error.exitCode === EXIT.denied ? await denialOf(io, to.value) : undefined
  return report(io, denial ?? done.error)
}
