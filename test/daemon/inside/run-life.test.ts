/** How `zt run` ends, and what is left: nothing. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import ava, { type ExecutionContext } from 'ava'
import { startDaemon } from '../../../daemon/daemon-server.ts'
import { startWeb, surroundings } from '../../support/daemon-rig.ts'
import { LIMIT_MS, NAMES, startRunLab } from '../../support/run-lab.ts'
import { asTerminal, runProgram } from '../../support/run-program.ts'

/** One after the other: each starts several programs, and all at once would take longer than one may. */
const test = ava.serial

const [WIKI = ''] = NAMES

type Started = { readonly child: ChildProcess; readonly lines: Interface; next(): Promise<string> }

/** Starts a program, whose lines can be waited for; `zt run` is the child itself. */
function start(t: ExecutionContext, argv: readonly string[]): Started {
  const [program = '', ...args] = argv
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })
  const iterator = lines[Symbol.asyncIterator]()
  return { child, lines, next: async () => String((await iterator.next()).value) }
}

const isAlive = (pid: string): boolean => existsSync(`/proc/${pid}`)
const childrenOf = (pid: number | string): string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)

for (const [what, code, ...argv] of [
  ['its own', 7, 'sh', '-c', 'exit 7'],
  ['a signal', 137, 'sh', '-c', 'kill -9 $$'],
  ['no such program', 127, '/nowhere/program'],
  ['not executable', 126, '/etc/passwd'],
] as const) {
  test(`D6: the exit code is the program's: ${what}`, async (t) => {
    const lab = await startRunLab(t)
    t.is((await lab.run('--', ...argv)).code, code)
  })
}

test('D6: a signal for zt run reaches the program', async (t) => {
  const lab = await startRunLab(t)
  const script = 'trap "echo caught; exit 5" TERM; echo ready; while :; do sleep 0.05; done'
  const { child, next } = start(t, lab.argv('sh', '-c', script))
  t.is(await next(), 'ready')
  child.kill('SIGTERM')
  t.is(await next(), 'caught')
  t.deepEqual(await once(child, 'exit'), [5, null])
})

test('D6: ^C on a terminal reaches the program once, and it decides what that means', async (t) => {
  const lab = await startRunLab(t)
  const script = 'trap "echo caught" INT; tty; echo waiting; sleep 5; sleep 0.2; exit 9'
  const { text, code } = await asTerminal(lab.argv('sh', '-c', script), {
    interruptAfter: 'waiting',
  })
  t.regex(text, /\/dev\/pts\//)
  t.is(text.match(/caught/g)?.length, 1)
  t.is(code, 9)
})

test('D6: ^Z stops it as any job of a shell, and fg goes on with it', async (t) => {
  const lab = await startRunLab(t)
  const script = 'trap "echo again; exec sleep 1000" CONT; echo begun; while :; do sleep 0.1; done'
  const program = ['sh', '-c', script]
  const words = lab.argv('--', ...program).map((word) => `'${word.replaceAll("'", "'\\''")}'`)
  const job = join(lab.folder, 'job')
  writeFileSync(job, `exec ${words.join(' ')}\n`)
  const said = await runProgram(['expect', '-c', JOB_CONTROL], '', LIMIT_MS, {
    JOB: job,
    PS1: 'ready> ',
    TERM: 'dumb',
  })
  t.regex(said.stdout, /\nended with 130\r?\n$/)
})

/**
 * The shell has job control; what is sent after an answer is typed on its terminal. It names a job before it gives it
 * the terminal: only what the job says then tells that ^C is for it.
 */
const JOB_CONTROL = `
set timeout 40
proc hear {what} { expect $what {} timeout { puts "no $what"; exit 1 } }
spawn -noecho bash --norc --noprofile -i
send "sh $env(JOB)\\r"
hear "begun\\r"
send "\\x1a"
hear "Stopped"
hear "ready> "
send "fg\\r"
hear "again\\r"
send "\\x03"
hear "ready> "
send "echo code=\\$?\\r"
expect -re {code=([0-9]+)} { puts "\nended with $expect_out(1,string)" }
`

for (const [what, victim] of [
  ['zt run', 0],
  ['the half inside', 1],
] as const) {
  test(`D6 T110: kill -9 of ${what} takes the program and everything else with it`, async (t) => {
    const web = await startWeb(t)
    const lab = await startRunLab(t)
    const url = `http://${WIKI}:${web.port}/`
    const script = `echo $$; curl -sS ${url} >&2; echo fetched; exec sleep 300`
    const { child, next } = start(t, lab.argv('sh', '-c', script))
    const program = await next()
    t.is(await next(), 'fetched')
    const [inside = ''] = childrenOf(child.pid ?? 0)
    const all = [String(child.pid), inside, program]
    t.deepEqual(all.map(isAlive), [true, true, true])
    const ended = once(child, 'close')
    process.kill(Number(all[victim]), 'SIGKILL')
    // Whoever is left holds its standard output; then the system has to bury them.
    await ended
    while (all.some(isAlive)) await new Promise(setImmediate)
    await lab.rig.until(({ openFlows }) => openFlows === 0)
    t.deepEqual(readdirSync(lab.temporary), [])
  })
}

test('D6: a program outlives its daemon, and has its network again when that is back', async (t) => {
  const web = await startWeb(t)
  const lab = await startRunLab(t)
  const url = `http://${WIKI}:${web.port}/page`
  const script = `while read -r _; do curl -sS -m 30 ${url} 2>/dev/null || printf 'failed'; echo; done`
  const { child, next } = start(t, lab.argv('sh', '-c', script))
  const ask = (): Promise<string> => {
    child.stdin?.write('\n')
    return next()
  }
  t.is(await ask(), 'page /page')
  await lab.rig.daemon.stop()
  t.is(await ask(), 'failed')
  const again = await startDaemon(lab.rig.config, surroundings())
  if (!again.ok) return t.fail(again.error.reason)
  t.teardown(() => again.value.stop())
  await lab.rig.until(({ state, domains }) => state === 'connected' && domains.length > 0)
  t.is(await ask(), 'page /page')
  child.stdin?.end()
  t.deepEqual(await once(child, 'exit'), [0, null])
})

test('D6 D15: whoever takes the user for another in a namespace of their own gets nothing', async (t) => {
  const lab = await startRunLab(t)
  const { controlPath } = lab.rig.config
  // Not even where the file system would let them in.
  chmodSync(controlPath, 0o666)
  for (const map of ['--map-user=65534', '--map-root-user']) {
    const other = ['setpriv', '--reuid=12345', '--regid=12345', '--clear-groups']
    const request = '{"method":"open","transport":"tcp","host":"10.1.2.3","port":22}\n'
    const said = await runProgram(
      [...other, 'unshare', map, 'nc', '-N', '-U', '-w', '5', controlPath],
      request,
    )
    t.is(said.stdout, '')
  }
  t.is(lab.enforced.records.size, 0)
})
