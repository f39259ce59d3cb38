/** The collectors on this machine, as they are: real files, processes, mounts. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { POSTURE_FINDING } from '#lib/wire/posture-schema'
import { createCollect } from '../../../daemon/posture/collect-os.ts'
import { run } from '../../../scripts/lab/child-process.ts'

const collect = createCollect('1.2.3', 'linux')
const ask = (kind: string, ...lookAt: string[]) =>
  collect({ name: 'it', kind, lookAt, everyMs: 1000 }, new AbortController().signal)

function folder(t: ExecutionContext): string {
  const made = realpathSync(mkdtempSync(join(tmpdir(), 'zt-posture-')))
  t.teardown(() => rmSync(made, { recursive: true }))
  return made
}

test('D10 file: there, with its digest, and where a link leads', async (t) => {
  const dir = folder(t)
  const [path, link] = [join(dir, 'agent'), join(dir, 'link')]
  writeFileSync(path, 'hello')
  symlinkSync(path, link)
  const sha256 = createHash('sha256').update('hello').digest('hex')
  t.deepEqual(await ask('file', path, 'sha256'), {
    ...{ kind: 'file', exists: true, resolved: path, sha256 },
  })
  t.deepEqual(await ask('file', link), { kind: 'file', exists: true, resolved: path })
  unlinkSync(path)
  t.deepEqual(await ask('file', link), { kind: 'file', exists: false })
})

test('D10 file: what is no regular file has no digest, and nobody waits for it', async (t) => {
  const dir = folder(t)
  await run(['mkfifo', join(dir, 'fifo')])
  t.deepEqual(await ask('file', dir, 'sha256'), { kind: 'file', exists: true, resolved: dir })
  const fifo = join(dir, 'fifo')
  t.deepEqual(await ask('file', fifo, 'sha256'), { kind: 'file', exists: true, resolved: fifo })
  t.like(await ask('file', 'relative'), { kind: 'none', reason: 'unreadable' })
  t.like(await ask('file', '/a\0b'), { kind: 'none', reason: 'unreadable' })
  t.like(await ask('file', `/${'x'.repeat(5000)}`), { kind: 'none', reason: 'unreadable' })
})

test('D10: a look that takes too long, or that the daemon gives up, has failed', async (t) => {
  const path = join(folder(t), 'large')
  writeFileSync(path, '')
  truncateSync(path, 512 * 1024 * 1024)
  const request = { name: 'it', kind: 'file', lookAt: [path, 'sha256'], everyMs: 1000 }
  const late = { kind: 'none', reason: 'unreadable', detail: 'it took too long' } as const
  const hasty = createCollect('1.2.3', 'linux', 1)
  t.deepEqual(await hasty(request, new AbortController().signal), late)
  const given = new AbortController()
  const found = collect(request, given.signal)
  given.abort()
  t.deepEqual(await found, late)
})

test('D10 process: by path and by name while it runs, with the digest of what runs', async (t) => {
  const path = join(folder(t), `agent-${process.pid}`)
  copyFileSync('/bin/sleep', path)
  const child = spawn(path, ['60'])
  await once(child, 'spawn')
  const sha256 = createHash('sha256').update(readFileSync('/bin/sleep')).digest('hex')
  const running = { kind: 'process', running: [{ path, sha256 }] }
  t.deepEqual(await ask('process', path, 'sha256'), running)
  t.deepEqual(await ask('process', `agent-${process.pid}`), {
    ...{ kind: 'process', running: [{ path }] },
  })
  child.kill('SIGKILL')
  await once(child, 'exit')
  const after = await ask('process', path)
  // Unreadable where a process of another container hides its executable from us.
  t.true(after.kind === 'none' || (after.kind === 'process' && after.running.length === 0))
})

test('D10 os_version: the distribution and the kernel', async (t) => {
  const found = await ask('os_version')
  t.is(found.kind === 'os_version' && found.versions['linux'], release())
  const id = (await run(['sh', '-c', '. /etc/os-release; echo "$ID $VERSION_ID"'])).stdout.trim()
  const [name = '', version] = id.split(' ')
  t.is(found.kind === 'os_version' && found.versions[name], version)
})

test('D10 disk_encryption: the root of this machine is as the kernel says', async (t) => {
  const found = await ask('disk_encryption', '/')
  const crypt = (await run(['sh', '-c', 'cat /sys/block/*/dm/uuid 2>/dev/null'])).stdout
  if (found.kind !== 'disk_encryption') return t.fail(JSON.stringify(found))
  for (const { mount } of found.mounts) t.is(mount, '/')
  if (!crypt.includes('CRYPT-')) t.false(found.mounts.some(({ encrypted }) => encrypted))
  else t.pass('not looked at: this machine has encrypted disks')
})

test('D10 firewall: off and on in a network of its own', async (t) => {
  const script = `
    import { createCollect } from '${new URL('../../../daemon/posture/collect-os.js', import.meta.url)}'
    const found = await createCollect('1', 'linux')(
      { name: 'f', kind: 'firewall', lookAt: [], everyMs: 1 }, new AbortController().signal)
    process.stdout.write(JSON.stringify(found) + '\\n')`
  const look = `'${process.execPath}' --input-type=module -e "$0"`
  const chain = (policy: string) =>
    `nft add chain inet t in "{ type filter hook input priority 0; policy ${policy}; }"`
  const harmless = `nft add table inet t; ${chain('accept')}; nft add rule inet t in counter comment '"drop"'`
  const commands = [look, harmless, look, chain('drop'), look]
  const done = await run(['unshare', '-n', 'sh', '-c', commands.join(' && '), script])
  t.is(done.code, 0, done.stderr)
  const [off, commented, on] = done.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.deepEqual(off, { kind: 'firewall', enabled: false })
  t.deepEqual(commented, off)
  t.deepEqual(on, { kind: 'firewall', enabled: true, by: 'nftables' })
})

test('D10 sshd_config: what sshd prints, or its files', async (t) => {
  const found = await ask('sshd_config', 'permitrootlogin')
  t.is(found.kind, 'sshd_config', JSON.stringify(found))
  t.like(await ask('sshd_config', 'nosuchkeyword'), { kind: 'none', reason: 'unreadable' })
})

test('D10: whatever is asked, the answer fits the wire', async (t) => {
  for (const kind of ['domain_join', 'serial', 'disk_encryption', 'client_version']) {
    const found = await ask(kind)
    t.true(found.kind === 'none' || POSTURE_FINDING.safeParse(found).success, JSON.stringify(found))
  }
})

test('D10: kinds that this daemon does not know, and systems that it cannot look at', async (t) => {
  t.deepEqual(await ask('magic'), { kind: 'none', reason: 'unsupported' })
  t.deepEqual(await ask('constructor'), { kind: 'none', reason: 'unsupported' })
  const other = createCollect('1.2.3', 'darwin')
  const request = { name: 'it', kind: 'file', lookAt: ['/x'], everyMs: 1000 }
  t.deepEqual(await other(request, new AbortController().signal), {
    ...{ kind: 'none', reason: 'unsupported_system', detail: 'darwin' },
  })
})
