/** The demo as an outside program drives it: its JSON line, and that nothing is left behind. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { run, startProcess } from '../../scripts/lab/child-process.ts'
import { asNobody } from '../support/run-program.ts'

type Ready = {
  ready: true
  gateway: { url: string; tunnel: string; login: string }
  proxy: { host: string; port: number }
  control: string
  targets: { name: string; host: string; port: number; protocol: string; user: string | null }[]
  denied: { host: string; port: number }[]
  users: { email: string; password: string }[]
  admin: { token: string; caFile: string }
  recordings: { dir: string; recipientKeyFile: string }
  zt: string[]
  laptop: string[]
}

/** The demo with `--json`, and its line. */
async function startDemo(t: ExecutionContext, ...options: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'zt-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const demo = await startProcess({
    argv: [process.execPath, 'dist/scripts/lab/demo.js', '--json', ...options],
    logFile: join(folder, 'demo.log'),
    readyWhen: /^\{"ready":true/,
    readyWithinMs: 60_000,
  })
  t.teardown(() => demo.stop(15_000))
  return { demo, line: JSON.parse(demo.readyLine) as Ready }
}

test('the JSON line leads to everything that docs/reference/demo.md names; SIGTERM removes all', async (t) => {
  t.timeout(90_000)
  const { demo, line } = await startDemo(t)
  const document = readFileSync('docs/reference/demo.md', 'utf8')
  for (const key of Object.keys(line)) t.true(document.includes(`\`${key}`), key)

  const [web, ssh] = line.targets
  const page = await run([
    'curl',
    '-sS',
    '--socks5-hostname',
    `${line.proxy.host}:${line.proxy.port}`,
    `http://${web?.host}:${web?.port}/`,
  ])
  t.regex(page.stdout, /Private wiki/, page.stderr)
  const remote = await run([
    ...line.zt,
    'ssh',
    '-p',
    String(ssh?.port),
    `${ssh?.user}@${ssh?.host}`,
    'echo reached',
  ])
  t.is(remote.stdout, 'reached\n', remote.stderr)
  const [denied] = line.denied
  t.is((await run([...line.zt, 'explain', denied?.host ?? '', String(denied?.port)])).code, 4)
  const listed = await run([
    'curl',
    '-sS',
    '--cacert',
    line.admin.caFile,
    '-H',
    `Authorization: Bearer ${line.admin.token}`,
    `${line.gateway.url}/api/v1/recordings`,
  ])
  t.is((JSON.parse(listed.stdout) as { recordings: unknown[] }).recordings.length, 1)
  t.true(existsSync(line.recordings.recipientKeyFile))
  t.true(line.users.every(({ email, password }) => email !== '' && password !== ''))

  const namespace = /198\.18\.(\d+)\./.exec(line.gateway.url)?.[1]
  await demo.stop(15_000)
  t.false(existsSync(dirname(line.control)))
  t.false((await run(['ip', 'netns', 'list'])).stdout.includes(`zt${namespace}-`))
})

test('an unknown option is refused with the usage', async (t) => {
  const done = await run([process.execPath, 'dist/scripts/lab/demo.js', '--chek'])
  t.is(done.code, 2)
  t.regex(done.stderr, /unknown option --chek/)
})

test('D2: --transparent shows unmodified programs, and says without rights what is missing', async (t) => {
  t.timeout(120_000)
  const demo = [process.execPath, 'dist/scripts/lab/demo.js', '--transparent', '--check']
  const done = await run(demo, { timeoutMs: 100_000 })
  t.is(done.code, 0, done.stdout + done.stderr)
  for (const program of ['dig', 'curl', 'ssh', 'psql', 'ping']) {
    t.regex(done.stdout, new RegExp(` ok .*  ${program} `))
  }
  const refused = await run(asNobody(demo))
  t.is(refused.code, 2)
  t.regex(refused.stderr, /--transparent needs root/)
})

test('D2: --transparent --json leads to a laptop whose programs know of no proxy', async (t) => {
  t.timeout(120_000)
  const { demo, line } = await startDemo(t, '--transparent')
  const [web] = line.targets
  const page = await run([...line.laptop, 'curl', '-sS', `http://${web?.host}:${web?.port}/`])
  t.regex(page.stdout, /Private wiki/, page.stderr)
  t.regex((await run([...line.zt, 'status'])).stdout, /transparent +on/)
  await demo.stop(15_000)
})
