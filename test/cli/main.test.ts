import { join } from 'node:path'
import test from 'ava'
import { runProgram } from '../support/run-program.ts'

const MAIN = join(import.meta.dirname, '../../cli/main.js')

test('a user whom the system does not know, without HOME, reads what is wrong and no stack', async (t) => {
  const without = ['HOME', 'XDG_RUNTIME_DIR', 'XDG_STATE_HOME'].flatMap((name) => ['-u', name])
  // As in a container that is run with any uid.
  const stranger = ['setpriv', '--reuid=12345', '--regid=12345', '--clear-groups']
  const argv = ['env', ...without, ...stranger, process.execPath, MAIN, 'status']
  const { code, stderr } = await runProgram(argv)
  t.regex(stderr, /^zt: .*\(daemon_not_running\)\n$/)
  t.is(code, 3)
})
