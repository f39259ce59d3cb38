/** Proxy mode needs neither koffi nor Linux; transparent mode says so where it cannot be. */
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { modeObstacle } from '../../daemon/mode.ts'
import { startProcess } from '../../scripts/lab/child-process.ts'
import { askControl, freshFolder } from '../support/daemon-rig.ts'
import { runProgram } from '../support/run-program.ts'

const DIST = join(import.meta.dirname, '../..')
const MODULES = join(DIST, '../node_modules')

/** The compiled daemon among packages of which koffi is none. */
function withoutKoffi(folder: string): string {
  for (const part of ['daemon', 'lib'])
    cpSync(join(DIST, part), join(folder, 'dist', part), { recursive: true })
  cpSync(join(DIST, '../package.json'), join(folder, 'package.json'))
  mkdirSync(join(folder, 'node_modules'))
  for (const name of readdirSync(MODULES).filter((one) => one !== 'koffi')) {
    symlinkSync(join(MODULES, name), join(folder, 'node_modules', name))
  }
  return join(folder, 'dist/daemon/main.js')
}

const flagsIn = (folder: string): string[] => [
  ...['--state', join(folder, 'state'), '--control', join(folder, 'run/control.sock')],
  ...['--proxy', '127.0.0.1:0'],
]

async function answersWith(t: ExecutionContext, folder: string, node: readonly string[]) {
  const daemon = await startProcess({
    argv: [process.execPath, ...node, 'run', ...flagsIn(folder)],
    logFile: join(folder, 'daemon.log'),
    readyWhen: /"msg":"ready"/,
  })
  t.teardown(() => daemon.stop())
  t.like(await askControl(join(folder, 'run/control.sock'), { method: 'status' }), {
    value: { status: { state: 'not_enrolled' } },
  })
}

test('D1: without koffi the daemon starts in proxy mode, and answers zt', async (t) => {
  const folder = freshFolder(t)
  await answersWith(t, folder, [withoutKoffi(folder)])
})

test('D1: without koffi transparent mode is refused with the remedy', async (t) => {
  const folder = freshFolder(t)
  const argv = [withoutKoffi(folder), 'run', ...flagsIn(folder), '--mode', 'transparent']
  const done = await runProgram([process.execPath, ...argv])
  t.is(done.code, 1)
  t.regex(done.stderr, /needs the npm package koffi.*--mode proxy.*\(transparent_unsupported\)/)
})

for (const platform of ['darwin', 'win32']) {
  const pretend = `data:text/javascript,Object.defineProperty(process,'platform',{value:'${platform}'})`
  test(`D1: nothing of Linux is loaded where the system says it is ${platform}`, async (t) => {
    await answersWith(t, freshFolder(t), ['--import', pretend, join(DIST, 'daemon/main.js')])
  })

  test(`D2: transparent mode is not on this system yet: ${platform}`, async (t) => {
    const main = ['--import', pretend, join(DIST, 'daemon/main.js')]
    const argv = [
      process.execPath,
      ...main,
      'run',
      ...flagsIn(freshFolder(t)),
      '--mode',
      'transparent',
    ]
    const done = await runProgram(argv)
    t.is(done.code, 1)
    t.regex(done.stderr, /not on this system \(\w+\) yet.*--mode proxy.*transparent_unsupported/)
  })
}

test('D2: transparent mode may be on Linux with koffi', (t) => {
  t.is(modeObstacle({ mode: 'transparent' }, { platform: 'linux', hasKoffi: true }), undefined)
  t.is(modeObstacle({ mode: 'proxy' }, { platform: 'win32', hasKoffi: false }), undefined)
})
