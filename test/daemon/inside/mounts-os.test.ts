import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { runProgram } from '../../support/run-program.ts'

const MOUNTS = join(import.meta.dirname, '../../../daemon/inside/mounts-os.js')
const SCRIPT = `import { mountNames } from '${MOUNTS}'
const { ok, error } = mountNames('198.18.255.249')
process.stdout.write(ok ? 'mounted' : error.reason)`

test('D6: a mount that the kernel refuses leaves no file behind', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zt-mounts-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const argv = [process.execPath, '--input-type=module', '--eval', SCRIPT]
  // May do everything but mount, and nothing it did would be seen outside.
  const without = ['unshare', '--mount', 'setpriv', '--bounding-set=-sys_admin']
  const tried = await runProgram([...without, ...argv], '', 20_000, { TMPDIR: folder })
  t.is(tried.stdout, 'resolv_conf_refused', tried.stderr)
  t.deepEqual(await readdir(folder), [])
})
