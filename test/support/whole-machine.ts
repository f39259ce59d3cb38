/**
 * A machine to change as a whole: network namespace, and a mount namespace with /etc and /run of its own. Both are gone
 * with the process that holds them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ExecutionContext } from 'ava'
import { freshMachine, type Inside } from './namespace-machine.ts'
import { runProgram } from './run-program.ts'

/** `run` runs a program in both namespaces; `argv` is for who starts one himself. */
export type WholeMachine = Inside & {
  readonly argv: (...argv: string[]) => string[]
  /** @throws {Error} when the script fails. */
  readonly sh: (script: string) => Promise<string>
  readonly start: (...argv: string[]) => ChildProcess
}

/** What programs need of /etc; resolv.conf comes with each test. */
const ETC = ['passwd', 'group', 'hosts', 'nsswitch.conf', 'ld.so.cache', 'ssl', 'iproute2']
const MAKE = `set -e
etc=$(mktemp -d)
mount -t tmpfs none "$etc"
for one in ${ETC.join(' ')}; do if [ -e /etc/$one ]; then cp -a /etc/$one "$etc"; fi; done
mount --bind "$etc" /etc
umount "$etc"
rmdir "$etc"
mount -t tmpfs none /run
echo ready
exec sleep infinity`

/** @param resolvConf text of /etc/resolv.conf. */
export async function wholeMachine(
  t: ExecutionContext,
  resolvConf = 'nameserver 192.0.2.53\n',
): Promise<WholeMachine> {
  const inside = await freshMachine(t)
  const unshare = ['netns', 'exec', inside.namespace, 'unshare', '--mount', 'sh', '-c', MAKE]
  const holder = spawn('ip', unshare, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => holder.kill('SIGKILL'))
  const [said] = await once(holder.stdout, 'data')
  if (String(said) !== 'ready\n') throw new Error(String(said))
  const argv = (...rest: string[]) => [
    ...['nsenter', `--target=${holder.pid}`, '--mount', '--net', '--wd=/', ...rest],
  ]
  const sh = async (script: string) => {
    const { code, stdout, stderr } = await runProgram(argv('sh', '-ec', script))
    if (code !== 0) throw new Error(`${script}: ${stderr}`)
    return stdout
  }
  const start = (...rest: string[]) => {
    const [program = '', ...args] = argv(...rest)
    // What servers tell of themselves is no result of a test.
    const stderr = rest.includes(process.execPath) ? 'inherit' : 'ignore'
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', stderr] })
    t.teardown(() => child.kill('SIGKILL'))
    return child
  }
  const machine = {
    ...inside,
    argv,
    sh,
    start,
    run: (...rest: string[]) => runProgram(argv(...rest)),
  }
  await runProgram(argv('tee', '/etc/resolv.conf'), resolvConf)
  return machine
}
