/**
 * Device posture on real parts: a daemon that looks at a file and a process of this machine, and live ssh, TCP and curl
 * flows that need both to be there.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { type LabProcess, run, startProcess } from '../../scripts/lab/child-process.ts'
import { openFlows, STREAM_PORT, startStreamTarget } from '../../scripts/lab/live-flows.ts'
import { enrol } from '../../scripts/lab/log-in.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { demoPolicy, NAMES, PORTS } from '../../scripts/lab/policy-texts.ts'

type Context = {
  readonly organisation: Organisation
  readonly folder: string
  readonly target: LabProcess
  /** Shared by all tests, as the context itself is not: the last one runs. */
  readonly agents: LabProcess[]
}
const test = anyTest as TestFn<Context>

/** Looked at every second; what was seen counts for three. */
const MAX_AGE_MS = 3000
/** From the event on the device to the end of the flows: a look, a report, a cut; and a slow machine. */
const CUT_LIMIT_MS = 10_000
/** Only ends a wait that is in vain. */
const WAIT_LIMIT_MS = 60_000

const WIKI = `http://${NAMES.wiki}:${PORTS.web}/`
const PASSED = { 'agent-file': 'passed', 'agent-runs': 'passed' }

const agentFile = (folder: string): string => join(folder, 'agent.conf')

function policyOf({
  organisation: { policyInput },
  folder,
}: Pick<Context, 'organisation' | 'folder'>) {
  const { lab, emailDomain } = policyInput
  const include = `include: [{ email_domain: ${emailDomain} }]`
  const stream = `    - name: stream
      destinations: ["${NAMES.denied}:${STREAM_PORT}", "${lab.target}:${STREAM_PORT}"]
      policies: [{ name: staff, decision: allow, ${include} }]
`
  const checks = `  posture_checks:
    - { name: agent-file, kind: file, path: ${agentFile(folder)}, every: 1s, max_age: 3s }
    - { name: agent-runs, kind: process, process: ${join(folder, 'agent')}, every: 1s, max_age: 3s }
`
  const require = 'require: [{ device_posture: agent-file }, { device_posture: agent-runs }]'
  return demoPolicy({ ...policyInput, extraApplications: stream })
    .replace('  applications:', `${checks}  applications:`)
    .replaceAll(`${include} }]`, `${include}, ${require} }]`)
}

const startAgent = (folder: string): Promise<LabProcess> =>
  startProcess({
    argv: ['sh', '-c', `echo ready; exec ${join(folder, 'agent')} 600`],
    logFile: join(folder, 'agent.log'),
    readyWhen: /^ready/,
  })

test.before(async (t) => {
  t.timeout(120_000)
  const organisation = await startOrganisation('namespaces')
  const folder = mkdtempSync(join(tmpdir(), 'zt-rig-'))
  copyFileSync('/bin/sleep', join(folder, 'agent'))
  writeFileSync(agentFile(folder), 'here')
  const target = await startStreamTarget(organisation, folder)
  t.context = { organisation, folder, target, agents: [await startAgent(folder)] }
  const [alice] = organisation.people
  if (alice === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, alice)
  await organisation.applyPolicy(policyOf(t.context))
  await becomes(t.context, PASSED)
})

test.after.always(async (t) => {
  const { organisation, folder, target, agents } = t.context
  await agents?.at(-1)?.stop()
  await target?.stop()
  await organisation?.close()
  if (folder) rmSync(folder, { recursive: true, force: true })
})

/** Asks for the status until the checks stand so. @throws {Error} when they do not in time. */
async function becomes(
  { organisation }: Context,
  wanted: Readonly<Record<string, string>>,
): Promise<void> {
  const deadlineMs = Date.now() + WAIT_LIMIT_MS
  for (;;) {
    const { stdout } = await run([...organisation.zt, 'posture', '--json'])
    const checks = JSON.parse(stdout) as { name: string; result: string }[]
    const now = Object.fromEntries(checks.map(({ name, result }) => [name, result]))
    if (Object.entries(wanted).every(([name, result]) => now[name] === result)) return
    if (Date.now() > deadlineMs) throw new Error(`posture is ${stdout}`)
  }
}

/** ssh, a TCP stream both ways, and curl; settles when all have begun. */
async function openAll({ organisation, target, folder }: Context) {
  const flows = await openFlows(organisation, { count: 2, target, folder })
  const { host, port } = organisation.proxy
  const options = ['-sSN', '--http0.9', '--socks5-hostname', `${host}:${port}`]
  const url = `http://${NAMES.denied}:${STREAM_PORT}/`
  const curl = spawn('curl', [...options, url], { stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = once(curl, 'exit')
  await once(curl.stdout, 'data')
  curl.stdout.resume()
  const stop = (): void => {
    curl.kill('SIGTERM')
    for (const flow of flows) flow.stop()
  }
  return { flows, curlExit: exited.then(([code]) => code as number), stop }
}

/** Waits until all have ended. @returns curl's exit code, and how long it took. */
async function allEnd({ flows, curlExit }: Awaited<ReturnType<typeof openAll>>) {
  const startedAtMs = Date.now()
  await Promise.all(flows.map(({ ended }) => ended))
  return { curl: await curlExit, tookMs: Date.now() - startedAtMs }
}

/** The admin API, as JSON. */
async function admin({ organisation }: Context, path: string): Promise<unknown> {
  const { caFiles, adminToken, urls } = organisation
  const options = ['--cacert', caFiles[0] ?? '', '-H', `Authorization: Bearer ${adminToken}`]
  const { stdout } = await run(['curl', '-sS', ...options, `${urls.admin}${path}`])
  return JSON.parse(stdout)
}

type Shown = { device: { posture: { found?: unknown; observedAt?: string }[] } }
type Flow = { state: string; closeReason?: string; facts: { posture?: unknown }; closedAt?: string }

/** The one device, as the administrator sees it. */
async function shownDevice(context: Context): Promise<Shown> {
  const { devices } = (await admin(context, '/api/v1/devices')) as { devices: { id: string }[] }
  return (await admin(context, `/api/v1/devices/${devices[0]?.id}`)) as Shown
}

/** Why the last flows ended, once all of them have; records follow the flows. */
async function closeReasons(context: Context, count: number): Promise<(string | undefined)[]> {
  const deadlineMs = Date.now() + WAIT_LIMIT_MS
  for (;;) {
    const { flows } = (await admin(context, `/api/v1/flows?limit=${count}`)) as { flows: Flow[] }
    const reasons = flows.map(({ closeReason }) => closeReason)
    if (!reasons.includes(undefined) || Date.now() > deadlineMs) return reasons
  }
}

const CUT = ['posture_failed', 'posture_failed', 'posture_failed']

const explain = ({ organisation }: Context) =>
  run([...organisation.zt, 'explain', NAMES.wiki, String(PORTS.web), '--json'])

/** The wiki through the proxy port, as a browser asks. */
const visit = ({ organisation: { proxy } }: Context) =>
  run(['curl', '-sS', '-i', '-x', `http://${proxy.host}:${proxy.port}`, WIKI])

/** Everything that a person sees while a check fails. */
async function seesWhy(t: ExecutionContext<Context>, check: string): Promise<void> {
  const { code, stdout } = await explain(t.context)
  t.is(code, 4)
  t.regex(stdout, new RegExp(`"posture_failed"[^]*${check}`))
  t.regex((await visit(t.context)).stdout, new RegExp(`reason=posture_failed[^]*${check}`))
  const status = await run([...t.context.organisation.zt, 'status'])
  t.regex(status.stdout, new RegExp(`posture +${check} failed`))
}

async function passesAgain(t: ExecutionContext<Context>): Promise<void> {
  await becomes(t.context, PASSED)
  t.is((await explain(t.context)).code, 0)
  t.regex((await visit(t.context)).stdout, /Private wiki/)
}

test.serial('D10 flows live while reports come; record and admin API show them', async (t) => {
  const open = await openAll(t.context)
  await run(['sleep', String((MAX_AGE_MS + 1000) / 1000)])
  const { flows } = (await admin(t.context, '/api/v1/flows?limit=3')) as { flows: Flow[] }
  for (const { facts, closeReason } of flows) {
    t.is(closeReason, undefined, 'a report keeps flows alive beyond the age of the one before')
    t.like(facts.posture, { 'agent-file': { passed: true }, 'agent-runs': { passed: true } })
  }
  const { device } = await shownDevice(t.context)
  t.like(device.posture[0], { name: 'agent-file', passed: true, found: { exists: true } })
  t.like(device.posture[1], { name: 'agent-runs', passed: true })
  open.stop()
  await allEnd(open)
})

test.serial('D10 G10 the file goes: live ssh, TCP and curl flows end', async (t) => {
  const file = agentFile(t.context.folder)
  const open = await openAll(t.context)
  rmSync(file)
  const { curl, tookMs } = await allEnd(open)
  t.log(`ended ${tookMs} ms after the event on the device, which looks once a second`)
  t.true(tookMs < CUT_LIMIT_MS)
  t.not(curl, 0)
  t.deepEqual(await closeReasons(t.context, 3), CUT)
  await seesWhy(t, 'agent-file')
  writeFileSync(file, 'here')
  await passesAgain(t)
})

test.serial('D10 G10 the process ends: live ssh, TCP and curl flows end', async (t) => {
  const open = await openAll(t.context)
  await t.context.agents.at(-1)?.stop()
  const { tookMs } = await allEnd(open)
  t.log(`ended ${tookMs} ms after the event on the device, which looks once a second`)
  t.true(tookMs < CUT_LIMIT_MS)
  t.deepEqual(await closeReasons(t.context, 3), CUT)
  await seesWhy(t, 'agent-runs')
  t.context.agents.push(await startAgent(t.context.folder))
  await passesAgain(t)
})

test.serial('D10 T95 a daemon says nothing any more: flows end with its last report', async (t) => {
  const { daemon } = t.context.organisation
  const open = await openAll(t.context)
  daemon.signal('SIGSTOP')
  t.deepEqual(await closeReasons(t.context, 3), CUT)
  daemon.signal('SIGCONT')
  await allEnd(open)
  await passesAgain(t)
})

test.serial('D10 posture survives a restart of the gateway', async (t) => {
  const { organisation } = t.context
  // A second, so that the last report is written; silent, so that no other one replaces it.
  organisation.daemon.signal('SIGSTOP')
  await run(['sleep', '1'])
  const before = await shownDevice(t.context)
  organisation.gateway().signal('SIGKILL')
  await organisation.gateway().exited
  await organisation.startGateway()
  const observed = ({ device }: Shown) =>
    device.posture.map(({ found, observedAt }) => [found, observedAt])
  t.deepEqual(observed(await shownDevice(t.context)), observed(before))
  organisation.daemon.signal('SIGCONT')
})
