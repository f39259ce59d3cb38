/** sshd_config of the hosts that tests, benchmarks and the demo start: nothing of the machine's own sshd is read. */

/** All paths are absolute: sshd runs itself again for each connection. */
export type SshdConfiguration = {
  readonly address: string
  readonly port: number
  readonly hostKeyFile: string
  /** User CA lines that the host trusts; all it needs to be a target of zt. */
  readonly userAuthoritiesFile: string
  /** Public key lines that may log in directly. */
  readonly authorizedKeysFile: string
  /** They come first, so that they win. */
  readonly lines?: readonly string[]
}

const COMMON = [
  'PidFile none',
  'LogLevel VERBOSE',
  'UsePAM no',
  'StrictModes no',
  'PasswordAuthentication no',
  'KbdInteractiveAuthentication no',
  'PermitRootLogin prohibit-password',
  'MaxStartups 200',
  'MaxSessions 100',
  'AcceptEnv LANG LC_*',
  'X11Forwarding yes',
  'Subsystem sftp internal-sftp',
  // Under sshd bash(1) reads ~/.bashrc, in a first shell only: what a machine's user keeps there may say anything.
  'SetEnv SHLVL=1',
]

export function printSshdConfiguration(wanted: SshdConfiguration): string {
  const lines = [
    ...(wanted.lines ?? []),
    `ListenAddress ${wanted.address}`,
    `Port ${wanted.port}`,
    `HostKey ${wanted.hostKeyFile}`,
    `TrustedUserCAKeys ${wanted.userAuthoritiesFile}`,
    `AuthorizedKeysFile ${wanted.authorizedKeysFile}`,
    ...COMMON,
  ]
  return `${lines.join('\n')}\n`
}
