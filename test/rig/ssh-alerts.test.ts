/**
 * Alerts, live views and moderation through the tunnel: what the user reads, what receivers get, what is audited.
 */
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { createServer } from 'node:tls'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import type { AuditEntry } from '#lib/audit/audit-entry'
import { adminAt } from '../../cli/admin-client.ts'
import type { AdminApi } from '../../cli/cli-io.ts'
import type { Alert } from '../../gateway/alert/alert.ts'
import { must, run } from '../../scripts/lab/child-process.ts'
import { latestRecording } from '../../scripts/lab/demo-ssh-steps.ts'
import type { Person } from '../../scripts/lab/identity-provider.ts'
import { enrol, logInAgain } from '../../scripts/lab/log-in.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { NAMES, PORTS } from '../../scripts/lab/policy-texts.ts'
import { startSyslog, startWebhook } from '../support/alert-receivers.ts'
import { heard } from '../support/live-ssh.ts'
import { throwawayCa } from '../support/throwaway-ca.ts'

type Receivers = {
  readonly webhook: Awaited<ReturnType<typeof startWebhook>>
  readonly syslog: Awaited<ReturnType<typeof startSyslog>>
}
type Context = Receivers & {
  readonly organisation: Organisation
  /** Target and test share the machine's files. */
  readonly folder: string
  readonly alice: Person
  readonly bob: Person
  readonly admin: AdminApi
}
const test = anyTest as TestFn<Context>

const SECRET = 'a-secret-of-thirty-two-characters'
/** The same host by another name, where sessions are moderated. */
const MODERATED = NAMES.wiki
/** In the namespace of the targets. */
const REMOTE_PORT = 8099

test.before(async (t) => {
  t.timeout(120_000)
  const folder = mkdtempSync(join(tmpdir(), 'zt-rig-'))
  let receivers: Receivers | undefined
  const organisation = await startOrganisation('namespaces', {
    async gatewayLines({ laptop }) {
      receivers = await startReceivers(folder, laptop)
      return alertsYaml(folder, receivers)
    },
  })
  const [alice, bob] = organisation.people
  if (alice === undefined || bob === undefined || receivers === undefined) throw new Error('nobody')
  const { urls, adminToken: token, caFiles } = organisation
  const admin = adminAt({ url: urls.admin, token, ...(caFiles[0] && { caFile: caFiles[0] }) })
  t.context = { ...receivers, organisation, folder, alice, bob, admin }
  // A moderator is somebody who logged in once.
  await enrol(organisation, bob)
  await must([...organisation.zt, 'logout'])
  await enrol(organisation, alice)
  await organisation.applyPolicy(policyOf(t.context))
  await writeSshConfig(t.context)
})

test.after.always(async ({ context: { organisation, folder, webhook, syslog } }) => {
  await organisation?.close()
  webhook?.close()
  syslog?.close()
  if (folder) rmSync(folder, { recursive: true, force: true })
})

async function startReceivers(folder: string, host: string): Promise<Receivers> {
  const ca = await throwawayCa()
  const { certPem: cert, keyPem: key } = await ca.issue(host)
  const webhook = await startWebhook({ host })
  writeFileSync(join(folder, 'syslog.pem'), ca.caPem)
  writeFileSync(join(folder, 'webhook.pem'), webhook.caPem)
  writeFileSync(join(folder, 'secret'), SECRET, { mode: 0o600 })
  return { webhook, syslog: await startSyslog(createServer({ cert, key }), host) }
}

function alertsYaml(folder: string, { webhook, syslog: { address } }: Receivers): string {
  return `  alerts:
    - { name: soc, kind: webhook, url: "${webhook.url}", secret_file: ${folder}/secret, ca_file: ${folder}/webhook.pem }
    - { name: logs, kind: syslog, address: "${address.host}:${address.port}", ca_file: ${folder}/syslog.pem }
`
}

function policyOf({ organisation, folder, bob }: Context): string {
  const { lab, policyInput } = organisation
  const { unixUser, emailDomain, hostKey } = policyInput
  const staff = `policies: [{ name: staff, decision: allow, include: [{ email_domain: ${emailDomain} }] }]`
  const ssh = `unix_users: [${unixUser}], record: required, host_keys: ["${hostKey}"]`
  return `policy:
  tunnel: { domains: [${NAMES.zone}], prefixes: ["${lab.targetPrefix}"] }
  applications:
    - name: database
      destinations: ["${NAMES.database}:22"]
      protocol: ssh
      ssh: { ${ssh}, local_forward: ["*:*"] }
      ${staff}
    - name: vault
      destinations: ["${MODERATED}:22"]
      protocol: ssh
      ssh: { ${ssh}, local_forward: ["*:*"], remote_forward: ["localhost:*"], moderated: true, moderators: [{ email: ${bob.email} }] }
      ${staff}
  ssh_alerts:
    - { name: seen, exec: ["*marker-seen*"], include_text: true }
    - { name: no-touch, exec: ["touch *"], action: end }
    - { name: kept-files, sftp: ["${folder}/kept"], action: end, include_text: true }
    - { name: sideways, forward: ["127.0.0.1:*"], action: end, include_text: true }
    - { name: step-up, exec: ["*marker-step-up*"], action: require_login }
`
}

/** As a user would write it to a file. */
async function writeSshConfig({ organisation: { zt, policyInput }, folder }: Context) {
  const made = await run([...zt, 'ssh-config'], { env: { XDG_CONFIG_HOME: folder } })
  writeFileSync(
    join(folder, 'ssh.conf'),
    `${made.stdout}\nHost *\n  User ${policyInput.unixUser}\n`,
  )
}

/** Words of a plain OpenSSH client. */
const client = ({ folder }: Context, program: string, ...words: readonly string[]) => [
  ...[program, '-F', join(folder, 'ssh.conf'), '-o', 'BatchMode=yes'],
  ...words,
]
const ssh = (context: Context, ...words: readonly string[]) => client(context, 'ssh', ...words)

function start(t: ExecutionContext<Context>, [program = '', ...args]: readonly string[]) {
  const child = spawn(program, args, { stdio: 'pipe' })
  t.teardown(() => child.kill())
  return heard(child)
}

/** What both receivers got under a rule, once. */
async function delivered({ webhook, syslog }: Context, rule: string) {
  for (let count = 1; ; count++) {
    const posts = await webhook.received(count)
    const messages = await syslog.received(count)
    const post = posts.find(({ body }) => (JSON.parse(body) as Alert).rule === rule)
    const message = messages.find(({ fields }) => fields.get('rule') === rule)
    if (post !== undefined && message !== undefined) return { post, message }
  }
}

/** Entries of the audit log. */
async function entries({ admin }: Context, kind: string): Promise<readonly AuditEntry[]> {
  const lines = await admin.lines('/api/v1/audit')
  if (!lines.ok) throw new Error(lines.error.message)
  const found: AuditEntry[] = []
  for await (const line of lines.value) {
    const entry = line as AuditEntry
    if (entry.kind === kind) found.push(entry)
  }
  return found
}

const audited = async (context: Context, kind: string) =>
  (await entries(context, kind)).map(({ about }) => about)

async function json<T>({ admin }: Context, path: string): Promise<T> {
  const answer = await admin.getJson(`/api/v1/${path}`)
  if (!answer.ok) throw new Error(answer.error.message)
  return answer.value as T
}

test.serial(
  'S12: a command under a rule runs; webhook, syslog and audit log tell of it',
  async (t) => {
    const { alice } = t.context
    const done = await run(ssh(t.context, NAMES.database, 'echo marker-seen'))
    t.like(done, { code: 0, stdout: 'marker-seen\n' }, done.stderr)
    const { post, message } = await delivered(t.context, 'seen')
    const alert = JSON.parse(post.body) as Alert
    t.like(alert, {
      ...{ type: 'ssh_alert', action: 'report', match: 'exec', text: 'echo marker-seen' },
      ...{ user: alice.email, application: 'database', host: NAMES.database },
    })
    t.deepEqual(
      [...message.fields],
      Object.entries(alert).map(([key, value]) => [key, String(value)]),
    )
    const [, at = '', signature = ''] = /^t=(\d+),v1=(\w+)$/.exec(post.signature) ?? []
    t.is(signature, createHmac('sha256', SECRET).update(`${at}.${post.body}`).digest('hex'))
    const entries = await audited(t.context, 'ssh_alert')
    t.like(entries, [{ rule: 'seen', recording: alert.session, user: alice.email }])
    t.notRegex(JSON.stringify(entries), /marker/)
    t.like(await json(t.context, `recordings/${alert.session}`), {
      recording: { state: 'complete' },
    })
  },
)

type Forbidden = {
  readonly rule: string
  readonly argv: (context: Context) => readonly string[]
  readonly stdin?: (folder: string) => string
  /** Of the alert. */
  readonly text?: (folder: string) => string
}
const forbidden: Readonly<Record<string, Forbidden>> = {
  'a command': {
    rule: 'no-touch',
    argv: (context) => ssh(context, NAMES.database, `touch ${context.folder}/trace`),
  },
  'a file, by sftp': {
    rule: 'kept-files',
    argv: (context) => client(context, 'sftp', '-b', '-', NAMES.database),
    stdin: (folder) => `put ${folder}/ssh.conf ${folder}/kept/trace\n`,
    text: (folder) => `${folder}/kept/trace`,
  },
  'a forwarding': {
    rule: 'sideways',
    argv: (context) => ssh(context, '-W', '127.0.0.1:22', NAMES.database),
    text: () => '127.0.0.1:22',
  },
}
for (const [title, { rule, argv, stdin, text }] of Object.entries(forbidden)) {
  test.serial(`S12: ${title} under a rule that ends never reaches the target`, async (t) => {
    const { folder } = t.context
    mkdirSync(join(folder, 'kept'), { recursive: true })
    const done = await run(argv(t.context), { stdin: stdin?.(folder) ?? '' })
    t.like(done, { code: 255, stdout: title.includes('sftp') ? done.stdout : '' })
    t.regex(done.stderr, /zt: a rule of your organisation ended this session/)
    const alert = JSON.parse((await delivered(t.context, rule)).post.body) as Alert
    t.like(alert, { action: 'end', text: text?.(folder) })
    t.false(existsSync(join(folder, 'trace')))
    t.false(existsSync(join(folder, 'kept/trace')))
    t.is(await closeReason(t.context, alert.flowId), 'ended_by_alert')
  })
}

test.serial(
  'S12 D9: step-up ends what runs, and the next connection waits for a login',
  async (t) => {
    const { organisation, alice } = t.context
    const other = start(t, ssh(t.context, NAMES.database, 'echo up; cat'))
    await other.prints('up')
    const done = await run(ssh(t.context, NAMES.database, 'echo marker-step-up'))
    t.like(done, { code: 255, stdout: '' })
    t.regex(done.stderr, /zt: .*log in again to go on/)
    t.is(await other.closed, 255, 'the login counts no more for any session of the device')
    await delivered(t.context, 'step-up')
    const next = start(t, ssh(t.context, NAMES.database, 'echo over'))
    await next.complains('needs you to log in')
    t.is(next.printed(), '')
    await logInAgain(organisation, alice)
    t.is(await next.closed, 0, next.complained())
    t.is(next.printed(), 'over\n')
  },
)

/** Why a flow ended; its record may be written after its client has gone. */
async function closeReason(context: Context, flowId: string): Promise<string | undefined> {
  type Answer = { readonly flow: { readonly state: string; readonly closeReason?: string } }
  const deadlineMs = Date.now() + 60_000
  for (;;) {
    const { flow } = await json<Answer>(context, `flows/${flowId}`)
    if (flow.state === 'closed' || Date.now() > deadlineMs) return flow.closeReason
  }
}

type Live = { readonly id: string; readonly moderator?: string }

/** Asks until there is such a session: it comes about in other processes. */
async function liveSession(context: Context, isMeant: (session: Live) => boolean): Promise<Live> {
  const deadlineMs = Date.now() + 60_000
  while (Date.now() < deadlineMs) {
    const { sessions } = await json<{ sessions: readonly Live[] }>(context, 'ssh-sessions')
    const found = sessions.find(isMeant)
    if (found !== undefined) return found
  }
  throw new Error('there is no such session')
}

const watch = ({ organisation: { zt, recordings } }: Context, id: string, ...more: string[]) => [
  ...[...zt, 'admin', 'ssh-sessions', 'watch', id, '--key', recordings.recipientKeyFile],
  ...more,
]

test.serial('S12: a live view is sealed to its viewer, logged, and told to the user', async (t) => {
  const { organisation, folder, admin } = t.context
  const user = start(t, ssh(t.context, NAMES.database, 'echo up; cat'))
  await user.prints('up')
  const { id } = await liveSession(t.context, () => true)
  const keyFile = organisation.recordings.recipientKeyFile
  const told = () => organisation.daemon.nextLine(/"reason":"session_watched"/)
  const toldFirst = told()
  const recipient = encodeURIComponent(readFileSync(`${keyFile}.pub`, 'utf8').trim())
  const raw = await admin.getBytes(`/api/v1/ssh-sessions/${id}/watch?recipient=${recipient}`)
  await toldFirst
  const toldAgain = told()
  const viewer = start(t, watch(t.context, id))
  await toldAgain
  if (!raw.ok) return t.fail(raw.error.message)
  user.type('marker-live\n')
  await viewer.prints('marker-live')
  user.client.stdin?.end()
  t.is(await user.closed, 0)
  t.is(await viewer.closed, 0, viewer.complained())
  const sealed = await buffer(raw.value)
  t.false(sealed.includes('marker-live'))
  writeFileSync(join(folder, 'view'), sealed)
  const decrypt = [...organisation.zt, 'recordings', 'decrypt', join(folder, 'view')]
  const opened = await run([...decrypt, '--key', keyFile, '--format', 'text'])
  t.regex(opened.stdout, /marker-live/, opened.stderr)
  const actions = await audited(t.context, 'admin_action')
  const views = actions.filter(({ action }) => action === 'watch_ssh_session')
  t.is(views.length, 2)
  t.like(views[0], { recording: id })
  t.truthy(views[0]?.['viewer'])
})

test.serial('S12: an administrator ends a session, and its user reads so', async (t) => {
  const user = start(t, ssh(t.context, NAMES.database, 'echo up; cat'))
  await user.prints('up')
  const { id } = await liveSession(t.context, () => true)
  const { zt } = t.context.organisation
  t.is((await run([...zt, 'admin', 'ssh-sessions', 'end', id])).code, 0)
  t.is(await user.closed, 255)
  t.regex(user.complained(), /zt: an administrator ended this session/)
})

test.serial(
  'S12 T69: nothing runs at the target before a moderator is in the audit log, nor after',
  async (t) => {
    t.timeout(90_000)
    const { folder, bob } = t.context
    const moderate = (id: string) => start(t, watch(t.context, id, '--moderate', '--as', bob.email))
    const stamp = (name: string) => join(folder, name)
    const user = start(t, ssh(t.context, MODERATED, `date +%s%N > ${stamp('first')}; echo up; sh`))
    await user.complains('this session starts when a moderator joins')
    const { id } = await liveSession(t.context, ({ moderator }) => moderator === 'awaited')
    t.deepEqual(await audited(t.context, 'moderator_joined'), [])
    t.false(existsSync(stamp('first')))

    const first = moderate(id)
    await user.prints('up')
    const [joined] = await entries(t.context, 'moderator_joined')
    t.like(joined?.about, { moderator: bob.email, recording: id })
    t.true(ranAtMs(stamp('first')) >= (joined?.atMs ?? Infinity))

    first.client.kill('SIGTERM')
    await first.closed
    await liveSession(t.context, ({ moderator }) => moderator === 'awaited')
    t.like(await audited(t.context, 'moderator_left'), [{ moderator: bob.email, recording: id }])
    user.type(`date +%s%N > ${stamp('second')}; echo again\n`)
    // What was typed has the time of two whole programs to go wrong.
    await liveSession(t.context, ({ moderator }) => moderator === 'awaited')
    t.false(existsSync(stamp('second')))

    const second = moderate(id)
    await user.prints('again')
    const again = (await entries(t.context, 'moderator_joined')).at(-1)
    t.true(ranAtMs(stamp('second')) >= (again?.atMs ?? Infinity))
    user.client.stdin?.end()
    t.is(await user.closed, 0)
    t.is(await second.closed, 0)
  },
)

/** A page of the target's network, asked for through a forwarding of ssh. */
function fetchVia(t: ExecutionContext<Context>, host: string) {
  const { lab } = t.context.organisation
  const asked = start(t, ssh(t.context, '-W', `${lab.target}:${PORTS.web}`, host))
  asked.type('GET / HTTP/1.0\r\n\r\n')
  return asked
}

const connections = ({ organisation: { files } }: Context): number =>
  readFileSync(files.webLog, 'utf8').split('connection from').length - 1

async function recordedForward(context: Context, id: string): Promise<string> {
  const { zt, recordings } = context.organisation
  const decrypt = [...zt, 'recordings', 'decrypt', id, '--key', recordings.recipientKeyFile]
  return (await run([...decrypt, '--format', 'jsonl'])).stdout
}

test.serial(
  'S12 T41 T69: a forwarding that is asked for before a moderator is there waits',
  async (t) => {
    const { organisation, bob } = t.context
    const listeners = async () =>
      (await run([...organisation.lab.inTargets, 'ss', '-ltnH'])).stdout.includes(
        `:${REMOTE_PORT} `,
      )
    const before = connections(t.context)
    const asked = fetchVia(t, MODERATED)
    await asked.complains('this session starts when a moderator joins')
    const { id } = await liveSession(t.context, ({ moderator }) => moderator === 'awaited')
    const remote = `localhost:${REMOTE_PORT}:127.0.0.1:1`
    const listening = start(t, ssh(t.context, '-v', '-N', '-R', remote, MODERATED))
    await listening.complains('this session starts when a moderator joins')
    const isOther = (session: Live) => session.id !== id && session.moderator === 'awaited'
    const other = await liveSession(t.context, isOther)
    t.is(connections(t.context), before)
    t.false(await listeners())

    const moderate = (of: string) => start(t, watch(t.context, of, '--moderate', '--as', bob.email))
    moderate(id)
    await asked.prints('Private wiki')
    t.is(await asked.closed, 0)
    t.is(connections(t.context), before + 1)
    t.regex(await recordedForward(t.context, id), /"forward_opened"/)
    moderate(other.id)
    await listening.complains('remote forward success')
    t.true(await listeners())
    listening.client.kill()
    await listening.closed
  },
)

test.serial(
  'S12 T41: a forwarding that is asked for while its flow waits for a login waits',
  async (t) => {
    const { organisation, alice } = t.context
    await must([...organisation.zt, 'admin', 'sessions', 'revoke', '--user', alice.email])
    const before = connections(t.context)
    const asked = fetchVia(t, NAMES.database)
    await asked.complains('needs you to log in')
    t.is(connections(t.context), before)
    await logInAgain(organisation, alice)
    await asked.prints('Private wiki')
    t.is(await asked.closed, 0)
    t.is(connections(t.context), before + 1)
    const { id } = await latestRecording(organisation)
    t.regex(await recordedForward(t.context, id), /"forward_opened"/)
  },
)

/** Where `date` of the target was sent to. */
const ranAtMs = (file: string): number => Number(readFileSync(file, 'utf8')) / 1e6
