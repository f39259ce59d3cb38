/** Runs OpenSSH's clients with a configuration of their own; nothing of the machine's is read. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where the clients connect and whom they trust. */
export type SshRoute = {
  readonly port: number
  readonly user: string
  /** Name for the host in known_hosts. */
  readonly alias: string
  readonly knownHosts: string
  /** Private key to log in with; none = no authentication of its own. */
  readonly identity?: string
}

export type Ran = {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** A route with a folder of its own. */
export class SshClient {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'zt-ssh-client-'))
  readonly config: string

  constructor(route: SshRoute) {
    this.config = join(this.folder, 'config')
    const knownHosts = join(this.folder, 'known_hosts')
    writeFileSync(knownHosts, `${route.knownHosts}\n`)
    const identity = route.identity === undefined ? 'none' : route.identity
    const lines = [
      'Host target',
      ' HostName 127.0.0.1',
      ` Port ${route.port}`,
      ` User ${route.user}`,
      ` HostKeyAlias ${route.alias}`,
      ` UserKnownHostsFile ${knownHosts}`,
      ' GlobalKnownHostsFile none',
      ' StrictHostKeyChecking yes',
      ` IdentityFile ${identity}`,
      ' IdentitiesOnly yes',
      ' BatchMode yes',
      ' SendEnv LC_ZT',
    ]
    writeFileSync(this.config, `${lines.join('\n')}\n`)
  }

  /** `ssh [options] target [command]`; the input ends with `input`. */
  ssh(args: readonly string[], input: Uint8Array | string = ''): Promise<Ran> {
    return run(['ssh', '-F', this.config, ...args], { input, cwd: this.folder })
  }

  /** Any program in the folder, with `GIT_SSH_COMMAND` and `RSYNC_RSH` set to this client. */
  run(argv: readonly string[], input: Uint8Array | string = ''): Promise<Ran> {
    return run(argv, { input, cwd: this.folder, ssh: `ssh -F ${this.config}` })
  }

  /** Starts `ssh` and leaves it running. */
  start(args: readonly string[]): ChildProcess {
    return spawn('ssh', ['-F', this.config, ...args], { cwd: this.folder, env: environment() })
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function environment(ssh = 'ssh'): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env
  const git = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  return {
    PATH,
    HOME,
    LANG: 'C.UTF-8',
    LC_ZT: 'hello',
    // No X server: enough for a client to ask for forwarding.
    DISPLAY: '127.0.0.1:77',
    GIT_SSH_COMMAND: ssh,
    RSYNC_RSH: ssh,
    ...git,
  }
}

type RunOptions = {
  readonly input: Uint8Array | string
  readonly cwd: string
  readonly ssh?: string
}

function run([program = '', ...args]: readonly string[], options: RunOptions): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const { cwd, ssh, input } = options
    const child = spawn(program, args, { cwd, env: environment(ssh) })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    // A program that ends early closes its input.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString(),
      })
    })
  })
}
