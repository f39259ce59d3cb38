/**
 * Connections whose user has to log in first: real clients wait, a browser logs in, the same connections go on.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { SocksClient } from 'socks'
import type { PromptNotice } from '#lib/wire/prompt-message'
import {
  type Finished,
  type LabProcess,
  run,
  startProcess,
} from '../../scripts/lab/child-process.ts'
import type { Person } from '../../scripts/lab/identity-provider.ts'
import { enrol, logInAgain } from '../../scripts/lab/log-in.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { demoPolicy, NAMES, PORTS } from '../../scripts/lab/policy-texts.ts'
import { type Postgres, startPostgres } from '../../scripts/lab/postgres.ts'
import { Browser, type PageShown } from '../support/browser.ts'
import { answerPrompt, text } from '../support/idp.ts'

type Context = {
  readonly organisation: Organisation
  readonly folder: string
  readonly alice: Person
  readonly bob: Person
  readonly postgres: Postgres
  readonly https: LabProcess
  readonly capture: LabProcess
  /** A port on this machine that leads to the database through the daemon, as psql speaks no SOCKS. */
  readonly forward: Server
}
const test = anyTest as TestFn<Context>

const HTTPS_PORT = 8443
const POSTGRES_PORT = 5432
/** Where nobody listens: a SYN of ours to it marks a moment in the capture. */
const MARK_PORT = 9

test.before(async (t) => {
  t.timeout(120_000)
  const organisation = await startOrganisation('namespaces')
  const folder = mkdtempSync(join(tmpdir(), 'zt-rig-'))
  const [alice, bob] = organisation.people
  if (alice === undefined || bob === undefined) throw new Error('nobody to enrol')
  const { lab } = organisation
  const place = { address: lab.target, port: POSTGRES_PORT, inside: lab.inTargets }
  t.context = {
    ...{ organisation, folder, alice, bob },
    postgres: await startPostgres({ ...place, logFile: join(folder, 'postgres.log') }),
    https: await startHttps(organisation, folder),
    capture: await startCapture(organisation, folder),
    forward: await startForward(organisation),
  }
  await enrol(organisation, alice)
})

test.after.always(async ({ context }) => {
  const { postgres, https, capture, forward, organisation, folder } = context
  forward?.close()
  await Promise.all([postgres?.stop(), https?.stop(), capture?.stop()])
  await organisation?.close()
  if (folder) rmSync(folder, { recursive: true, force: true })
})

/** The demo's applications, a page over TLS and a database, all for the staff. */
function policyFor({ policyInput }: Organisation, promptTimeout: string): string {
  const staff = `[{ name: staff, decision: allow, include: [{ email_domain: ${policyInput.emailDomain} }] }]`
  const application = (name: string, destination: string): string =>
    `    - { name: ${name}, destinations: ["${destination}"], policies: ${staff} }\n`
  return demoPolicy({
    ...policyInput,
    extraApplications:
      application('secure', `${NAMES.wiki}:${HTTPS_PORT}`) +
      application('postgres', `${NAMES.denied}:${POSTGRES_PORT}`),
  }).replace('public_default: block', `public_default: block\n  prompt_timeout: ${promptTimeout}`)
}

/** A client, what shows that it got through, and what it says when it did not. */
type Client = {
  readonly application: string
  readonly argv: (context: Context) => readonly string[]
  readonly stdin?: string
  readonly success: RegExp
  readonly failure: RegExp
}

const proxyOf = ({ organisation: { proxy } }: Context): string => `${proxy.host}:${proxy.port}`
const curl = ['curl', '-sS', '--max-time', '60']
const clients: Record<string, Client> = {
  'curl over SOCKS5': {
    application: 'wiki',
    argv: (context) => [
      ...curl,
      '--socks5-hostname',
      proxyOf(context),
      `http://${NAMES.wiki}:${PORTS.web}/`,
    ],
    success: /Private wiki/,
    failure: /SOCKS5.*\(2\)/,
  },
  'curl over an HTTP proxy': {
    application: 'wiki',
    argv: (context) => [
      ...curl,
      '--proxy',
      `http://${proxyOf(context)}`,
      `http://${NAMES.wiki}:${PORTS.web}/`,
    ],
    success: /Private wiki/,
    failure: /waited for you in the browser[\s\S]*zt login[\s\S]*reason: prompt_expired/,
  },
  'curl over CONNECT, to https': {
    application: 'secure',
    argv: (context) => [
      ...curl,
      '-k',
      '--proxy',
      `http://${proxyOf(context)}`,
      `https://${NAMES.wiki}:${HTTPS_PORT}/`,
    ],
    success: /Secure Renegotiation/,
    failure: /CONNECT tunnel failed, response 403/,
  },
  nc: {
    application: 'wiki',
    argv: (context) => [
      ...['nc', '-X', '5', '-x', proxyOf(context), '-w', '60'],
      ...[NAMES.wiki, String(PORTS.web)],
    ],
    stdin: 'GET / HTTP/1.0\r\n\r\n',
    success: /Private wiki/,
    failure: /nc: connection failed/,
  },
  psql: {
    application: 'postgres',
    argv: ({ forward, postgres }) => [
      ...['psql', '-h', '127.0.0.1', '-p', String((forward.address() as AddressInfo).port)],
      ...['-U', postgres.user, '-d', 'postgres', '-Atc', "select 'over ' || 'zt'"],
    ],
    success: /^over zt$/m,
    failure: /server closed the connection/,
  },
  'zt connect': {
    application: 'wiki',
    argv: ({ organisation }) => [...organisation.zt, ...['connect', NAMES.wiki, String(PORTS.web)]],
    stdin: 'GET / HTTP/1.0\r\n\r\n',
    success:
      /Private wiki[\s\S]*zt: log in at https:\S+\/prompt\/\S+ to reach wiki \(waits until \d\d:\d\d:\d\d\)/,
    failure: /zt: log in at [\s\S]*zt: wiki\S+:\d+: .*"zt login"\. \(session_revoked\)/,
  },
  ssh: {
    application: 'database',
    argv: ({ organisation: { zt, policyInput } }) => [
      ...[...zt, 'ssh', '-p', String(policyInput.sshPort)],
      ...[`${policyInput.unixUser}@${NAMES.database}`, 'echo over zt'],
    ],
    // Whoever logs in before ssh has authenticated, sees the line of `zt ssh` and no banner.
    success: /over zt\n[\s\S]*zt: (database needs you to log in:|log in at) https:\S+\/prompt\//,
    failure: /needs you to log in[\s\S]*zt: This connection waited[\s\S]*zt: prompt_expired/,
  },
}

for (const [title, client] of Object.entries(clients)) {
  test.serial(
    `D9 S14 G3: ${title} waits for a login, and the same connection goes on`,
    async (t) => {
      t.timeout(90_000)
      const { organisation, alice } = t.context
      await organisation.applyPolicy(policyFor(organisation, '2m'))
      await revoke(t.context)
      const before = await connectionsSeen(t.context)
      const done = start(t.context, client)
      const { url } = await prompted(t.context, client.application)
      t.is(await connectionsSeen(t.context), before, 'no SYN before the login')
      t.regex(text(await logInAt(t.context, url, alice)), /your connection goes on/)
      const { code, stdout, stderr } = await done
      t.is(code, 0, stderr)
      t.regex(stdout + stderr, client.success)
      t.is(await connectionsSeen(t.context), before + 1)
      t.deepEqual(await prompts(t.context), [])
    },
  )
}

test.serial(
  'D9 S14 G3: nobody logs in: every client is told within the time, and no SYN',
  async (t) => {
    t.timeout(120_000)
    const { organisation } = t.context
    await organisation.applyPolicy(policyFor(organisation, '10s'))
    await revoke(t.context)
    const before = await connectionsSeen(t.context)
    const startedAtMs = Date.now()
    const all = Object.entries(clients).map(async ([title, client]) => {
      const { code, stdout, stderr } = await start(t.context, client)
      t.regex(stdout + stderr, client.failure, title)
      // The page of an HTTP proxy is an answer.
      t.is(code === 0, title === 'curl over an HTTP proxy', title)
    })
    await Promise.all(all)
    const tookMs = Date.now() - startedAtMs
    t.true(tookMs > 9_000 && tookMs < 30_000, `${tookMs} ms`)
    t.is(await connectionsSeen(t.context), before)
  },
)

test.serial('D9: another user who logs in at the prompt changes nothing', async (t) => {
  t.timeout(90_000)
  const { organisation, alice, bob } = t.context
  await organisation.applyPolicy(policyFor(organisation, '2m'))
  await revoke(t.context)
  const done = start(t.context, wiki)
  const { url, promptId } = await prompted(t.context, 'wiki')
  t.regex(text(await openAndLogIn(t.context, url, bob)), /different_user/)
  t.is((await prompted(t.context, 'wiki')).promptId, promptId)
  t.regex(readFileSync(organisation.files.gatewayLog, 'utf8'), /different_user/)
  await logInAt(t.context, url, alice)
  t.is((await done).code, 0)
})

test.serial('D9: "zt login" lets what waits go on as well', async (t) => {
  t.timeout(90_000)
  const { organisation, alice } = t.context
  await revoke(t.context)
  const done = start(t.context, wiki)
  await prompted(t.context, 'wiki')
  await logInAgain(organisation, alice)
  const { code, stderr } = await done
  t.is(code, 0, stderr)
})

test.serial(
  'D9: the record of a flow says how long it waited; a client that left gave up',
  async (t) => {
    const { organisation } = t.context
    await revoke(t.context)
    const impatient = clients['curl over SOCKS5']
    if (impatient === undefined) return t.fail()
    const argv = impatient.argv(t.context).map((word) => (word === '60' ? '1' : word))
    t.is((await run(argv)).code, CURL_TIMED_OUT)
    // A program that gave up leaves its prompt behind for the next one, and nothing else.
    const { flows } = await adminJson<{ flows: readonly FlowRow[] }>(
      organisation,
      'flows?limit=200',
    )
    t.true(flows.some(({ closeReason, heldMs = 0 }) => closeReason === 'given_up' && heldMs > 500))
    t.true(
      flows.some(({ reason, heldMs = 0 }) => reason === 'allowed_by_policy' && heldMs > 0),
      'one that went on',
    )
    t.true(flows.some(({ reason, heldMs = 0 }) => reason === 'prompt_expired' && heldMs >= 10_000))
  },
)

/** curl's exit code when --max-time is over. */
const CURL_TIMED_OUT = 28
type FlowRow = { readonly reason: string; readonly closeReason?: string; readonly heldMs?: number }

const wiki: Client = {
  application: 'wiki',
  argv: (context) => clients['curl over SOCKS5']?.argv(context) ?? [],
  success: /Private wiki/,
  failure: /./,
}

function start(context: Context, { argv, stdin }: Client): Promise<Finished> {
  return run(argv(context), { timeoutMs: 60_000, ...(stdin !== undefined && { stdin }) })
}

async function revoke({ organisation, alice }: Context): Promise<void> {
  const argv = [...organisation.zt, 'admin', 'sessions', 'revoke', '--user', alice.email]
  const done = await run(argv)
  if (done.code !== 0) throw new Error(done.stderr)
}

async function prompts({ organisation }: Context): Promise<readonly PromptNotice[]> {
  return JSON.parse((await run([...organisation.zt, 'prompts', '--json'])).stdout)
}

/** Asks until something waits: it comes about in three other processes. */
async function prompted(context: Context, application: string): Promise<PromptNotice> {
  const deadlineMs = Date.now() + 60_000
  while (Date.now() < deadlineMs) {
    const found = (await prompts(context)).find((one) => one.application === application)
    if (found !== undefined) return found
  }
  throw new Error(`nothing waits for ${application}`)
}

/** A provider states the time of a login in whole seconds: one in the second of the revocation counts as before it. */
async function logInAt(context: Context, url: string, person: Person): Promise<PageShown> {
  const deadlineMs = Date.now() + 60_000
  for (;;) {
    const page = await openAndLogIn(context, url, person)
    if (!/login_too/.test(text(page)) || Date.now() > deadlineMs) return page
  }
}

function openAndLogIn(
  { organisation: { caFiles } }: Context,
  url: string,
  { email, password }: Person,
): Promise<PageShown> {
  const browser = new Browser({ ca: caFiles.map((file) => readFileSync(file, 'utf8')) })
  return answerPrompt(browser, { url, email, password })
}

async function adminJson<T>(organisation: Organisation, path: string): Promise<T> {
  const { caFiles, adminToken, urls } = organisation
  const options = ['--cacert', caFiles[0] ?? '', '-H', `Authorization: Bearer ${adminToken}`]
  return JSON.parse((await run(['curl', '-sS', ...options, `${urls.admin}/api/v1/${path}`])).stdout)
}

/** SYNs that reached the targets' network so far, but for those that mark a moment. */
async function connectionsSeen({ organisation, capture, folder }: Context): Promise<number> {
  const { inGateway, target } = organisation.lab
  const seen = capture.nextLine(new RegExp(`\\.${MARK_PORT}: Flags \\[S\\]`))
  await run([...inGateway, 'nc', '-z', '-w', '1', target, String(MARK_PORT)])
  await seen
  const lines = readFileSync(join(folder, 'tcpdump.log'), 'utf8').split('\n')
  return lines.filter((line) => line.includes('Flags [S]') && !line.includes(`.${MARK_PORT}: `))
    .length
}

function startCapture({ lab }: Organisation, folder: string): Promise<LabProcess> {
  return startProcess({
    argv: [...lab.inTargets, ...['tcpdump', '-i', 'any', '-n', '-l', 'tcp[tcpflags] == tcp-syn']],
    logFile: join(folder, 'tcpdump.log'),
    readyWhen: /listening on/,
  })
}

async function startHttps({ lab }: Organisation, folder: string): Promise<LabProcess> {
  const [key, cert] = [join(folder, 'web.key'), join(folder, 'web.crt')]
  const made = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-keyout',
    key,
    '-out',
    cert,
  ]
  await run(['openssl', 'req', '-x509', '-nodes', '-subj', `/CN=${NAMES.wiki}`, ...made])
  const accept = `${lab.target}:${HTTPS_PORT}`
  return startProcess({
    argv: [
      ...lab.inTargets,
      ...['openssl', 's_server', '-www', '-accept', accept, '-key', key, '-cert', cert],
    ],
    logFile: join(folder, 'https.log'),
    readyWhen: /ACCEPT/,
  })
}

async function startForward({ proxy }: Organisation): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    client.on('error', () => undefined)
    SocksClient.createConnection({
      proxy: { ...proxy, type: 5 },
      command: 'connect',
      destination: { host: NAMES.denied, port: POSTGRES_PORT },
      timeout: 60_000,
    }).then(
      ({ socket }) => {
        socket.on('error', () => client.destroy())
        client.pipe(socket).pipe(client)
      },
      () => client.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
