/** A daemon of an ordinary user, a real gateway behind it, and `zt run` as that user. */
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { dialTarget } from '../../gateway/enforce/dial-client.ts'
import { dialUdp } from '../../gateway/enforce/dial-udp-client.ts'
import type { FlowServerDeps } from '../../gateway/enforce/flow-deps.ts'
import { createResolver } from '../../gateway/enforce/resolve-client.ts'
import { controlServer, freshFolder, registrationOf, startDaemonRig } from './daemon-rig.ts'
import { startEnforced } from './decisions.ts'
import { type ProgramResult, runProgram } from './run-program.ts'

export const NOBODY = 65534

/** Names behind the gateway, and an address: all are this machine. */
export const NAMES = ['wiki.corp.internal', 'db1.corp.internal']
export const ADDRESS = '10.1.2.3'

/** Only ends what hangs: two programs of Node start, and megabytes pass, on a machine that tests keep busy. */
export const LIMIT_MS = 110_000

export type RunLab = {
  /** Runs `zt run` with these words, as a user without rights. */
  run(...words: string[]): Promise<ProgramResult>
  /** The same after shell commands of root, in a mount namespace of its own: they change what the machine is. */
  runAfter(commands: string, ...words: string[]): Promise<ProgramResult>
  /** argv of `run`. */
  argv(...words: string[]): string[]
  /** argv of `zt`. */
  readonly zt: readonly string[]
  readonly enforced: Awaited<ReturnType<typeof startEnforced>>
  readonly rig: Awaited<ReturnType<typeof startDaemonRig>>
  readonly folder: string
  /** Where its user's programs have their temporary files, and nobody else. */
  readonly temporary: string
}

export async function startRunLab(
  t: ExecutionContext,
  change: Partial<FlowServerDeps> = {},
): Promise<RunLab> {
  const here = <T extends { readonly address: string }>(to: T): T => ({
    ...to,
    address: '127.0.0.1',
  })
  const enforced = await startEnforced(t, {
    onControl: controlServer().onControl,
    resolve: createResolver({ hosts: new Map(NAMES.map((name) => [name, '127.0.0.1'])) }),
    dial: (to, ...rest) => dialTarget(here(to), ...rest),
    dialUdp: (to, ...rest) => dialUdp(here(to), ...rest),
    ...change,
  })
  const { tunnel } = enforced
  const folder = freshFolder(t)
  chmodSync(folder, 0o755)
  const temporary = join(folder, 'temporary')
  mkdirSync(temporary)
  chmodSync(temporary, 0o777)
  const registration = { ...registrationOf(tunnel, await tunnel.enrol()), ownerUid: NOBODY }
  const controlPath = join(folder, 'control.sock')
  const rig = await startDaemonRig(t, { registration, config: { controlPath } })
  await rig.until(({ state, domains }) => state === 'connected' && domains.length > 0)
  const zt = ztAt(controlPath)
  const after = (commands: string, words: readonly string[]) =>
    asUser(`${withTun(folder)}\nexport TMPDIR=${temporary}\n${commands}`, [...zt, 'run', ...words])
  return {
    ...{ enforced, rig, folder, temporary, zt },
    argv: (...words) => after('', words),
    run: (...words) => runProgram(after('', words), '', LIMIT_MS),
    runAfter: (commands, ...words) => runProgram(after(commands, words), '', LIMIT_MS),
  }
}

function ztAt(controlPath: string): string[] {
  const main = new URL('../../cli/main.js', import.meta.url).pathname
  return [process.execPath, main, '--control', controlPath]
}

/** /dev/net/tun with the mode that udev gives it (0666): this machine's may be closed. */
export function withTun(folder: string): string {
  const node = join(folder, 'tun')
  return `[ -e ${node} ] || mknod -m 0666 ${node} c 10 200; mount --bind ${node} /dev/net/tun`
}

/** Commands of root, then a program of a user without rights, which keeps the process: its id is the one started. */
export function asUser(commands: string, argv: readonly string[]): string[] {
  const drop = `exec /usr/bin/setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups -- "$@"`
  return ['unshare', '--mount', 'sh', '-ec', `umask 022\n${commands}\n${drop}`, 'sh', ...argv]
}
