/** What `zt run` says where a system does not let it. */
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import ava, { type ExecutionContext } from 'ava'
import { LIMIT_MS, startRunLab } from '../../support/run-lab.ts'
import { asNobody, type ProgramResult, runProgram } from '../../support/run-program.ts'

/** One after the other: each starts several programs, and all at once would take longer than one may. */
const test = ava.serial

const NOT_RUN = 125
const KOFFI = join(realpathSync(join(import.meta.dirname, '../../../../node_modules')), 'koffi')
/** Programs are looked for here alone. */
const onlyWith = (folder: string, ...names: string[]): string =>
  `mkdir ${folder}/bin; ln -s ${names.map((name) => `/usr/bin/${name}`).join(' ')} ${folder}/bin
export PATH=${folder}/bin`

function isRefused(t: ExecutionContext, said: ProgramResult, reason: string): void {
  t.is(said.stdout, '')
  t.regex(said.stderr, new RegExp(`^zt: [^\\n]+\\(${reason}\\)\\n$`))
  t.is(said.code, NOT_RUN)
}

for (const [reason, commands] of [
  ['tun_absent', () => 'mount -t tmpfs none /dev/net'],
  [
    'tun_closed_to_users',
    () => 'mount -t tmpfs none /dev/net; mknod -m 0600 /dev/net/tun c 10 200',
  ],
  ['koffi_absent', () => `mount -t tmpfs none ${KOFFI}`],
  ['ip_absent', () => 'for one in /bin/ip /usr/sbin/ip; do mount --bind /dev/null $one; done'],
  ['resolv_conf_refused', () => 'unset NODE_EXTRA_CA_CERTS; mount -t tmpfs none /etc'],
  ['unshare_absent', (folder: string) => onlyWith(folder, 'true')],
  ['setpriv_absent', (folder: string) => onlyWith(folder, 'true', 'unshare')],
] as const) {
  test(`D6: ${reason} is said with its remedy, and the program does not run`, async (t) => {
    const lab = await startRunLab(t)
    isRefused(t, await lab.runAfter(commands(lab.folder), '--', '/bin/echo', 'ran'), reason)
  })
}

/** A user namespace in which there may be none of these (namespaces(7)). */
function without(namespaces: 'user' | 'net', argv: readonly string[]): string[] {
  const script = `echo 0 > /proc/sys/user/max_${namespaces}_namespaces; exec "$@"`
  const users = ['--map-current-user', '--keep-caps']
  return asNobody(['unshare', ...users, 'sh', '-ec', script, 'sh', ...argv])
}

test('D6: a kernel without user namespaces for users is told from other refusals', async (t) => {
  const lab = await startRunLab(t)
  const argv = without('user', [...lab.zt, 'run', '--', 'echo', 'ran'])
  isRefused(t, await runProgram(argv, '', LIMIT_MS), 'user_namespaces_off')
})

test('D6: any other refusal of the kernel is said in its words', async (t) => {
  const lab = await startRunLab(t)
  const argv = without('net', [...lab.zt, 'run', '--', 'echo', 'ran'])
  const said = await runProgram(argv, '', LIMIT_MS)
  isRefused(t, said, 'namespace_refused')
  t.regex(said.stderr, /No space left on device/)
})

test('D6: without a daemon the program does not run', async (t) => {
  const lab = await startRunLab(t)
  await lab.rig.daemon.stop()
  isRefused(t, await lab.run('--', 'echo', 'ran'), 'daemon_not_running')
})
