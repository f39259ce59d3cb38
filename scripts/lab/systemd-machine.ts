/**
 * A laptop whose first process is Debian's systemd, with `packaging/` installed and nothing else to run. It is in the
 * laptop's network namespace, and in namespaces of its own besides; its cgroups are below one that goes with it. Needs
 * root, cgroup2, and the right to make cgroups there.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Finished, must, run } from './child-process.ts'
import type { Lab } from './namespace-lab.ts'

const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url))
/** Enters the cgroup, then the laptop ($3 and on), and there becomes the machine. */
const ENTER = 'echo $$ >"$1/cgroup.procs"; checkout=$2; shift 2; exec "$@" "$checkout"'
const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--uts', '--ipc']
const READY_WITHIN_MS = 60_000

export type SystemdMachine = {
  /** argv prefix of programs there. */
  readonly inside: readonly string[]
  run(...argv: readonly string[]): Promise<Finished>
  /** @returns its standard output. @throws {Error} when it fails. */
  must(...argv: readonly string[]): Promise<string>
  /** Ends every process of it, and removes its cgroups. */
  close(): Promise<void>
}

/** @throws {Error} when the kernel does not let it be, or it does not come up; nothing is left then. */
export async function startSystemdMachine(lab: Lab): Promise<SystemdMachine> {
  const cgroup = join(cgroup2Folder(), `zt-systemd-${process.pid}`)
  mkdirSync(cgroup)
  const script = ['--cgroup', 'sh', join(CHECKOUT, 'scripts/lab/systemd-machine.sh')]
  const argv = [...lab.inLaptop, ...UNSHARE, ...script]
  // Apart from the terminal, whose signals would reach systemd.
  const options = { stdio: 'inherit', detached: true } as const
  const outer = spawn('sh', ['-c', ENTER, 'sh', cgroup, CHECKOUT, ...argv], options)
  const ended = once(outer, 'exit')
  const close = async (): Promise<void> => {
    outer.kill('SIGKILL')
    await ended
    await removeCgroups(cgroup)
  }
  try {
    const pid = await Promise.race([bootedIn(cgroup), ended.then(() => undefined)])
    if (pid === undefined) throw new Error('systemd did not start; it says above why')
    const inside = ['nsenter', `--target=${pid}`, '--all', '--']
    const machine = {
      inside,
      run: (...words: readonly string[]) => run([...inside, ...words]),
      must: (...words: readonly string[]) => must([...inside, ...words]),
    }
    return { ...machine, close }
  } catch (failure) {
    await close()
    throw failure
  }
}

function cgroup2Folder(): string {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  const found = mounts.map((line) => line.split(' ')).find(([, , kind]) => kind === 'cgroup2')
  if (found?.[1] === undefined) throw new Error('no cgroup2 is mounted')
  return found[1]
}

/** systemd has come so far that it has moved itself, and answers. @returns its process id out here. */
async function bootedIn(cgroup: string): Promise<number> {
  const file = join(cgroup, 'init.scope/cgroup.procs')
  const untilMs = Date.now() + READY_WITHIN_MS
  while (Date.now() < untilMs) {
    const [first] = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
    const pid = Number(first ?? 0)
    if (pid > 0 && (await answers(pid))) return pid
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('systemd does not answer')
}

async function answers(pid: number): Promise<boolean> {
  const asked = ['systemctl', 'is-active', 'multi-user.target']
  return (await run(['nsenter', `--target=${pid}`, '--all', '--', ...asked])).code === 0
}

/** The kernel lets one go when its last process is gone. */
async function removeCgroups(folder: string): Promise<void> {
  const inner = readdirSync(folder, { withFileTypes: true }).filter((one) => one.isDirectory())
  for (const { name } of inner) await removeCgroups(join(folder, name))
  const untilMs = Date.now() + 5_000
  for (;;) {
    try {
      return rmdirSync(folder)
    } catch (failure) {
      if (Date.now() > untilMs) throw failure
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
