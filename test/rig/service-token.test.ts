/**
 * A device without a person on real parts: enrolled by a token file, it reaches what services may reach and nothing of
 * people's; its live ssh and TCP flows end when the token is disabled, or when its time is over.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { type LabProcess, must, run } from '../../scripts/lab/child-process.ts'
import { openFlows, STREAM_PORT, startStreamTarget } from '../../scripts/lab/live-flows.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { demoPolicy, NAMES, PORTS } from '../../scripts/lab/policy-texts.ts'

type Context = {
  readonly organisation: Organisation
  readonly folder: string
  readonly target: LabProcess
}
const test = anyTest as TestFn<Context>

/** The wiki for people only; the database and a stream for people and the service. */
function policyOf({ policyInput }: Organisation): string {
  const { lab, emailDomain } = policyInput
  const staff = `{ name: staff, decision: allow, include: [{ email_domain: ${emailDomain} }] }`
  const machines = '{ name: machines, decision: service, include: [{ service_token: backup }] }'
  const stream = `    - name: stream
      destinations: ["${NAMES.denied}:${STREAM_PORT}", "${lab.target}:${STREAM_PORT}"]
      policies: [${staff}]
`
  const everybody = '{ name: people, decision: allow, include: [{ everyone: true }] }'
  const text = demoPolicy({ ...policyInput, extraApplications: stream })
  const [before, wiki, ...others] = text.split(staff)
  return [before, [wiki, ...others].join(`${staff}, ${machines}`)].join(everybody)
}

test.before(async (t) => {
  t.timeout(120_000)
  const organisation = await startOrganisation('namespaces')
  const folder = mkdtempSync(join(tmpdir(), 'zt-rig-'))
  const target = await startStreamTarget(organisation, folder)
  t.context = { organisation, folder, target }
  await organisation.applyPolicy(policyOf(organisation))
})

test.after.always(async (t) => {
  const { organisation, folder, target } = t.context
  await target?.stop()
  await organisation?.close()
  if (folder) rmSync(folder, { recursive: true, force: true })
})

const tokens = ({ organisation: { zt } }: Context, ...args: string[]) =>
  must([...zt, 'admin', 'service-tokens', ...args])

const enrol = ({ organisation: { zt, urls, caSha256 } }: Context, file: string) =>
  run([...zt, 'enroll', urls.login, '--ca-sha256', caSha256, '--service-token-file', file])

const logOut = ({ organisation: { zt } }: Context) => must([...zt, 'logout'])

/** The wiki and the stream through the proxy port; answers with their heads. */
const visit = ({ organisation: { proxy } }: Context, host: string, port: number) =>
  run([
    ...['curl', '-sS', '-i', '--http0.9', '--max-time', '10', '--max-filesize', '100000'],
    ...['-p', '-x', `http://${proxy.host}:${proxy.port}`, `http://${host}:${port}/`],
  ])

type Flow = { closeReason?: string; reason?: string; facts: { subject: { service?: object } } }

/** The last flow records, once all of them are closed. */
async function lastFlows(context: Context, count: number): Promise<readonly Flow[]> {
  const { caFiles, adminToken, urls } = context.organisation
  const options = ['--cacert', caFiles[0] ?? '', '-H', `Authorization: Bearer ${adminToken}`]
  const deadlineMs = Date.now() + 60_000
  for (;;) {
    const url = `${urls.admin}/api/v1/flows?limit=${count}`
    const { flows } = JSON.parse(await must(['curl', '-sS', ...options, url])) as { flows: Flow[] }
    if (flows.every(({ closeReason }) => closeReason) || Date.now() > deadlineMs) return flows
  }
}

const fileOf = ({ folder }: Context, name: string): string => join(folder, name)

test.serial(
  'A11 D7 a headless device enrols by a token file, and status says for what',
  async (t) => {
    const { organisation } = t.context
    const file = fileOf(t.context, 'backup.token')
    await tokens(t.context, 'create', 'backup', '--out', file)
    t.is(statSync(file).mode & 0o777, 0o600)
    chmodSync(file, 0o644)
    const open = await enrol(t.context, file)
    t.deepEqual([open.code, /token_file_open/.test(open.stderr)], [2, true])
    chmodSync(file, 0o600)
    const enrolled = await enrol(t.context, file)
    t.is(enrolled.code, 0, enrolled.stderr)
    const status = await must([...organisation.zt, 'status'])
    t.regex(status, /service +backup \(token valid until 20\d\d-/)
    t.notRegex(status, /^user/m)
    const { secret } = JSON.parse(readFileSync(file, 'utf8')) as { secret: string }
    for (const log of [organisation.files.gatewayLog, organisation.files.daemonLog]) {
      t.false(readFileSync(log, 'utf8').includes(secret))
    }
  },
)

test.serial(
  'A11 T89 it reaches what services may reach, and nothing that is for people',
  async (t) => {
    const { organisation } = t.context
    const wiki = await visit(t.context, NAMES.wiki, PORTS.web)
    t.regex(wiki.stdout, /^HTTP\/1.1 403/)
    const apps = await must([...organisation.zt, 'apps', '--json'])
    t.deepEqual(
      (JSON.parse(apps) as { name: string }[]).map(({ name }) => name),
      ['database', 'stream'],
    )
    const [flow] = await lastFlows(t.context, 1)
    t.is(flow?.reason, 'no_policy_matched')
    t.like(flow?.facts.subject, { email: '', service: { name: 'backup' } })
  },
)

test.serial(
  "A11 S9 its UNIX user is as limited as a person's, its recording names the service",
  async (t) => {
    const { organisation, folder, target } = t.context
    const [ssh] = await openFlows(organisation, { count: 1, target, folder })
    const listed = JSON.parse(await must([...organisation.zt, 'recordings', 'list', '--json']))
    t.like(listed[0], { user: 'backup', application: 'database' })
    ssh?.stop()
    await ssh?.ended
    const { sshPort } = organisation.policyInput
    const config = ['-F', join(folder, 'ssh.conf'), '-p', String(sshPort), '-o', 'BatchMode=yes']
    const other = await run(['ssh', ...config, `somebody@${NAMES.database}`, 'true'])
    t.regex(other.stderr, /unix_user_not_allowed/)
  },
)

test.serial(
  'A11 G10 disabling the token ends live ssh and TCP flows, and refuses new ones',
  async (t) => {
    const { organisation, folder, target } = t.context
    const flows = await openFlows(organisation, { count: 2, target, folder })
    const disabled = JSON.parse(await tokens(t.context, 'disable', 'backup', '--json'))
    t.is(disabled.cutFlows, 2)
    await Promise.all(flows.map(({ ended }) => ended))
    const records = await lastFlows(t.context, 2)
    t.deepEqual(
      records.map(({ closeReason }) => closeReason),
      ['service_token_disabled', 'service_token_disabled'],
    )
    const stream = await visit(t.context, NAMES.denied, STREAM_PORT)
    t.regex(stream.stdout, /403[\s\S]*service_token_disabled/)
    const file = fileOf(t.context, 'backup.token')
    await logOut(t.context)
    t.regex((await enrol(t.context, file)).stderr, /service_token_disabled/)
    await tokens(t.context, 'enable', 'backup')
    t.is((await enrol(t.context, file)).code, 0)
  },
)

test.serial(
  'A11 a rotation with grace: the device goes on, both secrets enrol, then one',
  async (t) => {
    const { organisation, folder, target } = t.context
    const [old, fresh, last] = ['backup.token', 'fresh.token', 'last.token'].map((name) =>
      fileOf(t.context, name),
    ) as [string, string, string]
    const [ssh] = await openFlows(organisation, { count: 1, target, folder })
    await tokens(t.context, 'rotate', 'backup', '--grace', '1h', '--out', fresh)
    for (const file of [old, fresh]) {
      await logOut(t.context)
      t.is((await enrol(t.context, file)).code, 0, file)
    }
    await ssh?.ended
    await tokens(t.context, 'rotate', 'backup', '--out', last)
    await logOut(t.context)
    for (const file of [old, fresh]) {
      t.regex((await enrol(t.context, file)).stderr, /bad_service_token/, file)
    }
    t.is((await enrol(t.context, last)).code, 0)
  },
)

test.serial('A11 G10 live flows end with the time of the token', async (t) => {
  const { organisation, folder, target } = t.context
  const short = fileOf(t.context, 'short.token')
  const flows = await openFlows(organisation, { count: 2, target, folder })
  await tokens(t.context, 'rotate', 'backup', '--expires', '2s', '--out', short)
  await Promise.all(flows.map(({ ended }) => ended))
  const records = await lastFlows(t.context, 2)
  t.deepEqual(
    records.map(({ closeReason }) => closeReason),
    ['service_token_expired', 'service_token_expired'],
  )
  t.regex(await tokens(t.context, 'list'), /backup[\s\S]*expired/)
})
