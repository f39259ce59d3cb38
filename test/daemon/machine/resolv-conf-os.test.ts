import {
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { parseAddress } from '#lib/net/address'
import { isOurs } from '../../../daemon/machine/resolv-conf.ts'
import { restoreResolvConf, takeOverResolvConf } from '../../../daemon/machine/resolv-conf-os.ts'

const parsed = parseAddress('100.80.0.53')
if (!parsed.ok) throw new Error('a fixed address')
const server = parsed.value
const BEFORE = 'search home.arpa\nnameserver 192.0.2.1\n'

async function folder(t: ExecutionContext, text?: string) {
  const at = await mkdtemp(join(tmpdir(), 'zt-etc-'))
  t.teardown(() => rm(at, { recursive: true }))
  const path = join(at, 'resolv.conf')
  if (text !== undefined) await writeFile(path, text)
  const read = () => readFile(path, 'utf8')
  return { at, path, read }
}

test('D5 T102: a file is taken over and put back, and nothing is left beside it', async (t) => {
  const { at, path, read } = await folder(t, BEFORE)
  t.deepEqual(await takeOverResolvConf(server, path), { ok: true, value: BEFORE })
  t.true(isOurs(await read()))
  t.is(await readFile(`${path}.before-zt`, 'utf8'), BEFORE)
  t.deepEqual(await takeOverResolvConf(server, path), { ok: true, value: BEFORE })
  t.is(await restoreResolvConf(path), 'restored')
  t.is(await read(), BEFORE)
  t.deepEqual(await readdir(at), ['resolv.conf'])
  t.is(await restoreResolvConf(path), undefined)
})

test('D5: a file that is as wanted is not written again', async (t) => {
  const { path } = await folder(t, BEFORE)
  await takeOverResolvConf(server, path)
  const { ino, mtimeMs } = await stat(path)
  await takeOverResolvConf(server, path)
  t.like(await stat(path), { ino, mtimeMs })
})

test('D5 T102: a link is a link again', async (t) => {
  const { at, path, read } = await folder(t)
  await writeFile(join(at, 'stub'), BEFORE)
  await symlink('stub', path)
  t.true((await takeOverResolvConf(server, path)).ok)
  t.is(await readFile(join(at, 'stub'), 'utf8'), BEFORE)
  t.is(await restoreResolvConf(path), 'restored')
  t.is(await readlink(path), 'stub')
  t.is(await read(), BEFORE)
  t.deepEqual((await readdir(at)).toSorted(), ['resolv.conf', 'stub'])
})

test('D5: what another program wrote stays', async (t) => {
  const { at, path, read } = await folder(t, BEFORE)
  await takeOverResolvConf(server, path)
  await writeFile(path, 'nameserver 192.0.2.9\n')
  t.is(await restoreResolvConf(path), 'theirs_kept')
  t.is(await read(), 'nameserver 192.0.2.9\n')
  t.deepEqual(await readdir(at), ['resolv.conf'])
})

test('D5: without the file before, our server is taken out; a file that was removed comes back', async (t) => {
  const { path, read } = await folder(t, BEFORE)
  await takeOverResolvConf(server, path)
  await rm(`${path}.before-zt`)
  t.is(await restoreResolvConf(path), 'restored')
  t.is(await read(), 'nameserver 192.0.2.1\nsearch home.arpa\n')
  await takeOverResolvConf(server, path)
  await rm(path)
  t.is(await restoreResolvConf(path), 'restored')
  t.is(await read(), 'nameserver 192.0.2.1\nsearch home.arpa\n')
})

test('D3: where there is none it is not made', async (t) => {
  const { at, path } = await folder(t)
  t.like(await takeOverResolvConf(server, path), { error: { reason: 'resolv_conf_absent' } })
  t.deepEqual(await readdir(at), [])
})

test.serial('D5 D15: every user can read it, whatever the umask of the daemon', async (t) => {
  const { path } = await folder(t, BEFORE)
  const mask = process.umask(0o077)
  t.teardown(() => process.umask(mask))
  t.true((await takeOverResolvConf(server, path)).ok)
  t.is((await stat(path)).mode & 0o777, 0o644)
})
