import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { EXIT } from '../../cli/cli-io.ts'
import { readText } from '../../cli/text-file-os.ts'

test('A4: a proposed policy is read whole; what is missing, a folder or larger than 16 MiB is refused', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zt-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'policy.yaml')
  writeFileSync(file, 'policy: {}\n')
  t.deepEqual(readText(file), { ok: true, value: 'policy: {}\n' })
  truncateSync(file, 16 * 1024 * 1024 + 1)
  const error = { code: 'unreadable_file', exitCode: EXIT.usage }
  for (const path of [file, folder, join(folder, 'none')]) t.like(readText(path), { error })
})
