import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { runProgram } from '../support/run-program.ts'

const ZT = [process.execPath, 'dist/cli/main.js']
const CODE = '0000-AAAA-BBBB-CCCC'

/** A control socket that refuses everything, and keeps what it was asked. */
async function startControl(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), 'zt-secret-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o700)
  const path = join(folder, 'control.sock')
  const asked: string[] = []
  const server = net.createServer((socket) =>
    socket.once('data', (line) => {
      asked.push(line.toString())
      socket.end('{"type":"error","code":"wrong_code","message":"No."}\n')
    }),
  )
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => server.close())
  return { argv: [...ZT, '--control', path, 'override'], asked }
}

const REQUEST = `${JSON.stringify({ method: 'override', code: CODE })}\n`

test('D13: zt override reads one line of standard input', async (t) => {
  const { argv, asked } = await startControl(t)
  const { stderr, code } = await runProgram(argv, `${CODE}\nmore\n`)
  t.not(code, 0)
  t.is(stderr, 'zt: No. (wrong_code)\n')
  t.deepEqual(asked, [REQUEST])
})

for (const [title, input] of [
  ['nothing', ''],
  ['an empty line', '\n'],
  ['a line without end', 'x'.repeat(100_000)],
] as const) {
  test(`D13: zt override asks nobody with ${title}`, async (t) => {
    const { argv, asked } = await startControl(t)
    const { stderr, code } = await runProgram(argv, input)
    t.is(code, 2)
    t.is(stderr, 'zt: No code was given. (no_code)\n')
    t.deepEqual(asked, [])
  })
}

test('D13: on a terminal it asks, and shows nothing of what is typed', async (t) => {
  const { argv, asked } = await startControl(t)
  const typed = `set timeout 50
spawn -noecho ${argv.join(' ')}
expect "hyphens: "
send "${CODE}\\r"
expect eof`
  const { stdout } = await runProgram(['expect', '-c', typed], '')
  t.regex(stdout, /hyphens: /)
  t.regex(stdout, /wrong_code/)
  t.notRegex(stdout, /AAAA/)
  t.deepEqual(asked, [REQUEST])
})
