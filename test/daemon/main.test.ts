import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { type ExecutionContext } from 'ava'
import { askControl, freshFolder } from '../support/daemon-rig.ts'
import { runProgram } from '../support/run-program.ts'

const MAIN = join(import.meta.dirname, '../../daemon/main.js')
const daemonArgv = (...args: string[]) => [process.execPath, MAIN, ...args]

type Ready = { readonly proxy: { readonly port: number }; readonly control: string }

/** Starts the program; its ready line, parsed. */
async function startMain(
  t: ExecutionContext,
  ...args: string[]
): Promise<{ child: ChildProcess; ready: Ready }> {
  const child = spawn(process.execPath, [MAIN, 'run', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  if (child.stderr === null) throw new Error('no stderr')
  for await (const line of createInterface({ input: child.stderr })) {
    const parsed = JSON.parse(line)
    if (parsed.msg === 'ready') return { child, ready: parsed }
  }
  throw new Error('the daemon ended before it was ready')
}

test('D1: zt-daemon run says when it is ready, serves, and ends cleanly on SIGTERM', async (t) => {
  const folder = freshFolder(t)
  const control = join(folder, 'control.sock')
  const flags = ['--state', join(folder, 'state'), '--control', control, '--proxy', '127.0.0.1:0']
  const { child, ready } = await startMain(t, ...flags)
  t.is(ready.control, control)
  t.like(await askControl(control, { method: 'status' }), {
    value: { status: { state: 'not_enrolled', proxy: { port: ready.proxy.port } } },
  })
  const pac = await runProgram(['curl', '-sS', `http://127.0.0.1:${ready.proxy.port}/proxy.pac`])
  t.regex(pac.stdout, /FindProxyForURL/)

  const second = await runProgram(daemonArgv('run', ...flags))
  t.is(second.code, 1)
  t.regex(second.stderr, /already_running/)

  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  t.deepEqual(await ended, [0, null])
  const third = await startMain(t, ...flags)
  t.is(third.ready.control, control)
})

test('D1: a daemon that fails after its first listener stands ends', async (t) => {
  const folder = freshFolder(t)
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const paths = ['--state', join(folder, 'state'), '--control', join(file, 'control.sock')]
  const ended = await runProgram(daemonArgv('run', ...paths, '--proxy', '127.0.0.1:0'))
  t.is(ended.code, 1)
  t.regex(ended.stderr, /zt-daemon: EEXIST/)
})

test('D1: zt-daemon explains itself, and names what is wrong with its command line or file', async (t) => {
  const help = await runProgram(daemonArgv('--help'))
  t.is(help.code, 0)
  t.regex(help.stdout, /Examples:/)
  t.regex((await runProgram(daemonArgv('--version'))).stdout, /^\d+\.\d+\.\d+\n$/)
  t.is((await runProgram(daemonArgv())).code, 2)
  const wrong = await runProgram(daemonArgv('run', '--others', 'x', '--proxy', 'y'))
  t.is(wrong.code, 2)
  t.regex(wrong.stderr, /--others.*\n--proxy|--proxy.*\n--others/)
  const file = join(freshFolder(t), 'daemon.yaml')
  writeFileSync(file, 'state: x\nproxxy: y\n')
  const config = await runProgram(daemonArgv('run', '--config', file))
  t.is(config.code, 2)
  t.regex(config.stderr, /daemon\.yaml:2 proxxy: unknown key/)
  t.is((await runProgram(daemonArgv('run', '--config', `${file}.missing`))).code, 1)
})
