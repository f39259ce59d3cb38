import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { parseCommandLine } from '../../daemon/arguments.ts'
import { runProgram } from '../support/run-program.ts'
import { UNIT, unitValues } from '../support/service-lab.ts'

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

for (const line of [...unitValues('ExecStart'), ...unitValues('ExecStopPost')]) {
  test(`the unit runs what there is: ${line}`, (t) => {
    const [program = '', ...words] = line.split(' ')
    t.is(program, '/usr/bin/zt-daemon')
    t.true(parseCommandLine(words).ok)
  })
}
