/** A real ssh-agent (Debian's openssh-client) with a socket of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type SshAgent = {
  readonly socket: string
  /** Runs `ssh-add` with these arguments; returns what it prints. */
  add(args: readonly string[], env?: Readonly<Record<string, string>>): string
  stop(): Promise<void>
}

/** Starts one and waits until it listens. Call `stop` in a teardown. @param env beside that of the test. */
export async function startSshAgent(env: Readonly<Record<string, string>> = {}): Promise<SshAgent> {
  const folder = mkdtempSync(join(tmpdir(), 'zt-agent-'))
  const socket = join(folder, 'agent.sock')
  const child = spawn('ssh-agent', ['-D', '-a', socket], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve)
    child.once('error', reject)
    child.once('exit', () => reject(new Error('ssh-agent did not start')))
  })
  return {
    socket,
    add: (options, more = {}) =>
      execFileSync('ssh-add', options, {
        encoding: 'utf8',
        env: { ...process.env, SSH_AUTH_SOCK: socket, ...more },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    async stop() {
      await ended(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exited
}
