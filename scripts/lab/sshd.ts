/**
 * Debian's sshd with its own configuration, port and host key: nothing of the machine's own sshd is touched.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LabProcess, run, startProcess } from './child-process.ts'
import { printSshdConfiguration } from './sshd-configuration.ts'

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
  const write = (name: string, lines: readonly string[] = []) => {
    writeFileSync(join(folder, name), `${lines.join('\n')}\n`)
    return join(folder, name)
  }
  const configuration = printSshdConfiguration({
    address: options.address,
    port: options.port,
    hostKeyFile: keyFile,
    userAuthoritiesFile: write('user-ca.pub', options.userAuthorities),
    authorizedKeysFile: write('authorized', options.authorizedKeys),
  })
  const logFile = join(folder, 'sshd.log')
  const sshd = await startProcess({
    argv: [...inside, '/usr/sbin/sshd', '-D', '-e', '-f', write('sshd.conf', [configuration])],
    logFile,
    readyWhen: /Server listening/,
  })
  const hostKey = readFileSync(`${keyFile}.pub`, 'utf8').trim()
  return { process: sshd, port: options.port, hostKey, logFile }
}
