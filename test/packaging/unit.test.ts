import { spawn } from 'node:child_process'
import { chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'ava'
import { parseCommandLine } from '../../daemon/arguments.ts'
import { runProgram } from '../support/run-program.ts'
import { asService, SERVICE_UID, UNIT, unitValues } from '../support/service-lab.ts'

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

test('D15: with the rights of the unit the daemon starts, and its control socket is the owner’s', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zt-unit-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const config = join(folder, 'daemon.yaml')
  await writeFile(config, 'owner_uid: 65534\nproxy: 127.0.0.1:0\n', { mode: 0o644 })
  await chown(folder, SERVICE_UID, SERVICE_UID)
  const control = join(folder, 'run/control.sock')
  const places = ['--config', config, '--state', join(folder, 'state'), '--control', control]
  const argv = [...asService(), process.execPath, 'dist/daemon/main.js', 'run', ...places]
  const [program = '', ...args] = argv
  const daemon = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(() => daemon.kill('SIGKILL'))
  for await (const line of createInterface({ input: daemon.stderr })) {
    if (!line.startsWith('{')) return t.fail(line)
    if ((JSON.parse(line) as { msg?: string }).msg === 'ready') break
  }
  const { uid, mode } = await stat(control)
  t.deepEqual({ uid, mode: mode & 0o777 }, { uid: 65534, mode: 0o600 })
})

for (const line of [...unitValues('ExecStart'), ...unitValues('ExecStopPost')]) {
  test(`the unit runs what there is: ${line}`, (t) => {
    const [program = '', ...words] = line.split(' ')
    t.is(program, '/usr/bin/zt-daemon')
    t.true(parseCommandLine(words).ok)
  })
}
