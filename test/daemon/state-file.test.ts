import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { readStateFile, replaceStateFile } from '../../daemon/state-file-os.ts'

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'zt-state-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

test('a file is replaced whole and is for its owner alone, whatever was left behind', (t) => {
  const folder = folderFor(t)
  const file = join(folder, 'map')
  writeFileSync(`${file}.next`, 'half')
  chmodSync(`${file}.next`, 0o666)
  replaceStateFile(file, 'first')
  replaceStateFile(file, 'second')
  t.is(readStateFile(file), 'second')
  t.is(statSync(file).mode & 0o777, 0o600)
  t.deepEqual(readdirSync(folder), ['map'])
})

test('a file that is not there is nothing, and one that cannot be read is an error', (t) => {
  const folder = folderFor(t)
  t.is(readStateFile(join(folder, 'map')), undefined)
  mkdirSync(join(folder, 'folder'))
  t.throws(() => readStateFile(join(folder, 'folder')), { code: 'EISDIR' })
})
