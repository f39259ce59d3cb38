import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { parseCommandLine } from '../../daemon/arguments.ts'
import { runProgram } from '../support/run-program.ts'
import { asService, UNIT, unitValues } from '../support/service-lab.ts'

test('T110: systemd takes the unit as it is, and it may do little', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zt-unit-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'zt.service')
  // Its program is not installed here.
  await writeFile(
    path,
    (await readFile(UNIT, 'utf8')).replaceAll('/usr/bin/zt-daemon', '/bin/true'),
  )
  t.like(await runProgram(['systemd-analyze', 'verify', path]), { code: 0, stderr: '' })
  const security = ['systemd-analyze', 'security', '--offline=true', '--threshold=30', path]
  t.is((await runProgram(security)).code, 0)
})

// systemd.exec(5): ProtectSystem=strict leaves these three out.
test('T110 D15: what is not mounted read-only by ProtectSystem is so by others, since CAP_CHOWN gives files away', (t) => {
  t.deepEqual(unitValues('ProtectSystem'), ['strict'])
  t.deepEqual(unitValues('ReadOnlyPaths'), ['/dev'])
  t.deepEqual(unitValues('ProtectKernelTunables'), ['yes'])
})

test('T110 D15: on a read-only /dev the rights of the unit give no disk away, and the TUN can be had', async (t) => {
  const tun = 'mount -t tmpfs none /dev/net && mknod -m 0666 /dev/net/tun c 10 200'
  const readOnly = 'for at in /dev /dev/net; do mount -o remount,bind,ro $at; done'
  const attempt = `${asService().join(' ')} sh -c 'exec 3<>/dev/net/tun; chown 1000 /dev/null'`
  const script = `mount --rbind /dev /dev && ${tun} && ${readOnly} && exec ${attempt}`
  const tried = await runProgram(['unshare', '--mount', 'sh', '-c', script])
  t.regex(tried.stderr, /^chown: .*Read-only file system\n$/)
})

for (const line of [...unitValues('ExecStart'), ...unitValues('ExecStopPost')]) {
  test(`the unit runs what there is: ${line}`, (t) => {
    const [program = '', ...words] = line.split(' ')
    t.is(program, '/usr/bin/zt-daemon')
    t.true(parseCommandLine(words).ok)
  })
}
