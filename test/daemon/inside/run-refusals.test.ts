/** What `zt run` says where a system does not let it. */

import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { startRunLab } from '../../support/run-lab.ts'

const NOT_RUN = 125
const KOFFI = join(realpathSync(join(import.meta.dirname, '../../../../node_modules')), 'koffi')
const hide = (program: string): string =>
  `for one in /bin /usr/bin /sbin /usr/sbin; do [ ! -e $one/${program} ] || mount --bind /dev/null $one/${program}; done`

for (const [reason, commands] of [
  ['tun_absent', 'mount -t tmpfs none /dev/net'],
  ['tun_closed_to_users', 'mount -t tmpfs none /dev/net; mknod -m 0600 /dev/net/tun c 10 200'],
  ['koffi_absent', `mount -t tmpfs none ${KOFFI}`],
  ['ip_absent', hide('ip')],
] as const) {
  test(`D6: ${reason} is said with its remedy, and the program does not run`, async (t) => {
    const lab = await startRunLab(t)
    const said = await lab.runAfter(commands, '--', 'echo', 'ran')
    t.is(said.stdout, '')
    t.regex(said.stderr, new RegExp(`^zt: .+\\(${reason}\\)\\n$`))
    t.is(said.code, NOT_RUN)
  })
}
