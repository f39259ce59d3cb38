/** A real sshd (Debian's openssh-server) with a configuration, host key, port and log of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { printSshdConfiguration } from '../../scripts/lab/sshd-configuration.ts'
import { KeyFolder } from './ssh-keygen.ts'

/** What a test may choose. */
export type SshdOptions = {
  /** Address to listen on; default 127.0.0.1. */
  readonly address?: string
  /** One-line public keys of user authorities (TrustedUserCAKeys). */
  readonly userAuthorities?: readonly string[]
  /** One-line public keys that may log in by themselves. */
  readonly authorizedKeys?: readonly string[]
  /** More lines for sshd_config; they come first, so that they win. */
  readonly config?: readonly string[]
  /** Principals of a host certificate, signed by a fresh host authority. */
  readonly hostPrincipals?: readonly string[]
}

export type Sshd = {
  readonly address: string
  readonly port: number
  /** UNIX user that can log in: whoever runs the tests. */
  readonly user: string
  /** One-line public host key. */
  readonly hostKey: string
  /** One-line public key of the host authority; empty without `hostPrincipals`. */
  readonly hostAuthority: string
  /** What sshd logged so far (LogLevel VERBOSE). */
  log(): string
  /** Resolves with the log once it matches; rejects after a minute. */
  logged(pattern: RegExp): Promise<string>
  stop(): Promise<void>
}

/** Two daemons may pick the same free port; then the second tries another. */
const TRIES = 5
/** Only ends a wait that is in vain. */
const WAIT_MS = 60_000

/** Starts one and waits until it listens. Call `stop` in a teardown. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const address = options.address ?? '127.0.0.1'
  const folder = new KeyFolder()
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const hostAuthority = makeHostKey(folder, options)
  const line = (name: string) => readFileSync(folder.file(name), 'utf8').trimEnd()
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(address)
    const running = run(writeConfig(folder, options, address, port))
    if (await listens(running)) {
      return {
        address,
        port,
        user: userInfo().username,
        hostKey: line('host.pub'),
        hostAuthority: hostAuthority ? line('host-ca.pub') : '',
        log: () => running.log,
        logged: (pattern) => waitFor(running, pattern),
        stop: async () => {
          await stop(running.child)
          folder.remove()
        },
      }
    }
    await stop(running.child)
    if (attempt === TRIES) throw new Error(`sshd did not start:\n${running.log}`)
  }
}

type Running = { readonly child: ChildProcess; log: string; readonly watchers: Set<() => void> }

function makeHostKey(folder: KeyFolder, { hostPrincipals }: SshdOptions): boolean {
  folder.makeKey('host', '-t', 'ed25519')
  if (hostPrincipals === undefined) return false
  folder.makeKey('host-ca', '-t', 'ed25519')
  folder.certify('host-ca', 'host', '-h', '-I', 'test host', '-n', hostPrincipals.join(','))
  return true
}

function writeConfig(
  folder: KeyFolder,
  options: SshdOptions,
  address: string,
  port: number,
): string {
  const list = (name: string, lines: readonly string[] = []) =>
    folder.write(name, `${lines.join('\n')}\n`)
  const certificate = options.hostPrincipals && [`HostCertificate ${folder.file('host-cert.pub')}`]
  const text = printSshdConfiguration({
    address,
    port,
    hostKeyFile: folder.file('host'),
    userAuthoritiesFile: list('user-cas', options.userAuthorities),
    authorizedKeysFile: list('authorized-keys', options.authorizedKeys),
    lines: [...(options.config ?? []), ...(certificate ?? [])],
  })
  return folder.write('sshd_config', text)
}

function run(config: string): Running {
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const running: Running = { child, log: '', watchers: new Set() }
  const changed = (text: string) => {
    running.log += text
    for (const watcher of running.watchers) watcher()
  }
  child.stderr?.setEncoding('utf8').on('data', changed)
  child.once('exit', (code) => changed(`sshd exited (${code})\n`))
  return running
}

async function listens(running: Running): Promise<boolean> {
  const log = await waitFor(running, /Server listening on|sshd exited/)
  return !log.includes('sshd exited')
}

function waitFor(running: Running, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (!pattern.test(running.log)) return
      finish()
      resolve(running.log)
    }
    const timer = setTimeout(() => {
      finish()
      reject(new Error(`sshd did not log ${pattern}:\n${running.log}`))
    }, WAIT_MS)
    const finish = () => {
      clearTimeout(timer)
      running.watchers.delete(look)
    }
    running.watchers.add(look)
    look()
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exited
}

function freePort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, address, () => {
      const at = server.address()
      server.close(() => resolve(typeof at === 'object' && at !== null ? at.port : 0))
    })
  })
}
