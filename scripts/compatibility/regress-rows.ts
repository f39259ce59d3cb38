/** OpenSSH's own regression suite: what of it looks at a connection is driven through zt, the rest says why not. */
import type { Row } from './row.ts'

const DRIVEN = [
  ...['connect', 'connect-uri', 'exit-status', 'exit-status-signal', 'stderr-data'],
  ...['stderr-after-eof', 'yes-head', 'transfer', 'broken-pipe'],
  ...['localcommand', 'host-expand', 'sftp', 'sftp-cmds'],
  ...['sftp-badcmds', 'sftp-batch', 'sftp-glob', 'sftp-uri', 'scp', 'scp3', 'scp-uri'],
] as const

const REASONS: Readonly<Record<string, readonly string[]>> = {
  'does not end with a wrapped ssh, directly neither; see the rows of openssh-client': [
    ...['multiplex', 'dynamic-forward', 'forwarding'],
  ],
  'an option of the sshd that the script starts': [
    ...['addrmatch', 'allow-deny-users', 'authinfo', 'banner', 'cfgmatch', 'cfgmatchlisten'],
    ...[
      'channel-timeout',
      'connection-timeout',
      'connect-privsep',
      'forcecommand',
      'forward-control',
    ],
    ...['keys-command', 'login-timeout', 'principals-command', 'reconfigure', 'reexec', 'portnum'],
    ...['servcfginclude', 'sftp-chroot', 'sftp-perm', 'cfgparse', 'key-options', 'proxy-connect'],
    'envpass',
  ],
  'how sshd checks keys and certificates of users; zt logs in by its own': [
    ...['agent', 'agent-restrict', 'agent-getpeereid', 'agent-pkcs11', 'agent-ptrace'],
    ...[
      'agent-subprocess',
      'agent-timeout',
      'brokenkeys',
      'cert-file',
      'cert-userkey',
      'hostbased',
    ],
    ...['keytype', 'limit-keytype', 'multipubkey', 'krl'],
  ],
  "host keys of the script's own sshd; behind zt they are the gateway's": [
    ...['cert-hostkey', 'hostkey-agent', 'hostkey-rotate', 'keyscan', 'knownhosts'],
    ...['knownhosts-command', 'sshfp-connect'],
  ],
  "the transport of the script's own sshd; zt ends it at the gateway": [
    ...['cipher-speed', 'dhgex', 'integrity', 'kextype', 'proto-mismatch', 'proto-version'],
    ...['putty-ciphers', 'putty-kex', 'conch-ciphers', 'rekey', 'try-ciphers'],
  ],
  'no connection': [
    ...['cfginclude', 'keygen-change', 'keygen-comment', 'keygen-convert', 'keygen-knownhosts'],
    ...['keygen-moduli', 'keygen-sshfp', 'percent', 'sshcfgparse', 'sshsig', 'ssh2putty'],
    'valgrind-unit',
  ],
  'commercial ssh.com clients': ['ssh-com', 'ssh-com-client', 'ssh-com-keygen', 'ssh-com-sftp'],
  'a session file of PuTTY that names its own sshd; see the rows of putty-tools': [
    'putty-transfer',
  ],
}

const row = (script: string, more: Partial<Row> = {}): Row => ({
  ...{ client: 'openssh-tests', does: `${script}.sh`, command: `$REGRESS ${script}`, stdout: '' },
  ...more,
})

export const REGRESS_ROWS: readonly Row[] = [
  ...DRIVEN.map((script) => row(script)),
  ...Object.entries(REASONS).flatMap(([notApplicable, scripts]) =>
    scripts.map((script) => row(script, { notApplicable, command: '' })),
  ),
]
