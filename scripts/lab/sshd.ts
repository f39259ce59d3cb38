/**
 * Debian's sshd with its own configuration, port and host key: nothing of the machine's own sshd is touched.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LabProcess, run, startProcess } from './child-process.ts'

/** Where and for whom an sshd runs. */
export type SshdOptions = {
  readonly folder: string
  readonly address: string
  readonly port: number
  /** argv prefix, for a namespace. */
  readonly inside?: readonly string[]
  /** User CA lines that the host trusts; all it needs to be a target of zt. */
  readonly userAuthorities?: readonly string[]
  /** Public key lines that may log in directly (peers of a benchmark). */
  readonly authorizedKeys?: readonly string[]
  readonly extraLines?: readonly string[]
}

/** A running sshd. */
export type Sshd = {
  readonly process: LabProcess
  readonly port: number
  /** OpenSSH public key line without comment: what an administrator pins. */
  readonly hostKey: string
  readonly logFile: string
}

/** sshd refuses to start as root without it. */
const PRIVILEGE_SEPARATION_FOLDER = '/run/sshd'

/** Starts sshd and waits until it listens. @throws {Error} with the tail of its log. */
export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const { folder, inside = [] } = options
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (process.getuid?.() === 0) mkdirSync(PRIVILEGE_SEPARATION_FOLDER, { recursive: true })
  const keyFile = join(folder, 'host')
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', keyFile])
  writeFileSync(join(folder, 'user-ca.pub'), `${(options.userAuthorities ?? []).join('\n')}\n`)
  writeFileSync(join(folder, 'authorized'), `${(options.authorizedKeys ?? []).join('\n')}\n`)
  writeFileSync(join(folder, 'sshd.conf'), configuration(options, keyFile))
  const logFile = join(folder, 'sshd.log')
  const sshd = await startProcess({
    // sshd runs itself again for each connection: absolute paths only.
    argv: [...inside, '/usr/sbin/sshd', '-D', '-e', '-f', join(folder, 'sshd.conf')],
    logFile,
    readyWhen: /Server listening/,
  })
  const hostKey = readFileSync(`${keyFile}.pub`, 'utf8').trim()
  return { process: sshd, port: options.port, hostKey, logFile }
}

function configuration(options: SshdOptions, keyFile: string): string {
  const { folder, address, port, extraLines = [] } = options
  const lines = [
    `Port ${port}`,
    `ListenAddress ${address}`,
    `HostKey ${keyFile}`,
    `TrustedUserCAKeys ${folder}/user-ca.pub`,
    `AuthorizedKeysFile ${folder}/authorized`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'Subsystem sftp internal-sftp',
    'AcceptEnv LANG LC_*',
    'X11Forwarding yes',
    'MaxSessions 100',
    'MaxStartups 200',
    'LogLevel VERBOSE',
    ...extraLines,
  ]
  return `${lines.join('\n')}\n`
}
