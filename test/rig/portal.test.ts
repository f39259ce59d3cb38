/** A laptop in a hotel: the portal lies inside a private prefix, and bears a public name. Nothing on it knows of zt. */
import { chmodSync } from 'node:fs'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import type { DaemonStatus, PortalStatus } from '#lib/api/control-api'
import { daemonAt } from '../../cli/daemon-client.ts'
import { type Finished, run, startProcess } from '../../scripts/lab/child-process.ts'
import { enrol } from '../../scripts/lab/log-in.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { demoPolicy } from '../../scripts/lab/policy-texts.ts'
import { PORTAL_OTHER_PORT, type PortalLab, portalLab } from '../../scripts/lab/portal.ts'

const test = anyTest as TestFn<{ organisation: Organisation; portal: PortalLab }>

/** The laptop's user is not the daemon's. */
const USER_UID = 65534
const AS_USER = ['setpriv', `--reuid=${USER_UID}`, `--regid=${USER_UID}`, '--clear-groups']
const FLAGS = ['--mode', 'transparent', '--dns', 'port53', '--lockdown', '--owner-uid']
/** curl's words for: no such name, cannot connect, empty answer, reset. */
const NOT_REACHED = [6, 7, 28, 52, 56]
const SECONDS = 20

test.before(async (t) => {
  t.timeout(120_000)
  const organisation = await startOrganisation('namespaces', {
    hasLaptop: true,
    daemonFlags: [...FLAGS, String(USER_UID)],
  })
  const portal = await portalLab(organisation)
  t.context = { organisation, portal }
  // The user gets to the control socket in it.
  chmodSync(organisation.folder, 0o711)
  const [person] = organisation.people
  if (person === undefined) throw new Error('nobody to enrol')
  await enrol({ ...organisation, zt: [...AS_USER, ...organisation.zt] }, person)
  const policy = demoPolicy(organisation.policyInput).replace(
    'prefixes: [',
    `captive_portal: ${SECONDS}s, prefixes: ["${portal.v6Prefix}", `,
  )
  await organisation.applyPolicy(policy)
  await until(t, ({ transparent, prefixes }) => transparent?.state === 'on' && prefixes.length > 1)
})

test.after.always((t) => t.context.organisation?.close())

type Context = { readonly context: { organisation: Organisation; portal: PortalLab } }

async function until(
  { context }: Context,
  isIt: (status: DaemonStatus) => boolean,
): Promise<DaemonStatus> {
  const ask = daemonAt(context.organisation.control)
  for (;;) {
    const answer = await ask({ method: 'status' })
    const status = answer.ok && answer.value.method === 'status' ? answer.value.status : undefined
    if (status !== undefined && isIt(status)) return status
  }
}

const untilPortal = (t: Context, state: PortalStatus['state'] | undefined) =>
  until(t, ({ portal }) => portal?.state === state)

function asUser({ context }: Context, ...argv: readonly string[]): Promise<Finished> {
  return run([...context.organisation.lab.inLaptop, ...AS_USER, ...argv], { timeoutMs: 60_000 })
}

/** `zt`, as the user. */
const zt = (t: Context, ...argv: readonly string[]) =>
  run([...AS_USER, ...t.context.organisation.zt, ...argv], { timeoutMs: 60_000 })

const curl = (t: Context, url: string, ...words: readonly string[]) =>
  asUser(t, 'curl', '-sS', '--max-time', '5', ...words, url)

const inUrl = (address: string): string => (address.includes(':') ? `[${address}]` : address)

async function reaches(t: ExecutionContext & Context, url: string, ...words: readonly string[]) {
  const { code, stdout, stderr } = await curl(t, url, ...words)
  t.is(code, 0, `${url}: ${stderr}`)
  return stdout
}

async function doesNotReach(t: ExecutionContext & Context, ...urls: readonly string[]) {
  for (const url of urls) {
    const { code, stdout } = await curl(t, url)
    t.true(NOT_REACHED.includes(code), `${url}: ${code} ${stdout}`)
    t.is(stdout, '')
  }
}

/** Everything of the portal, and what lies beside it. */
function urlsOf({ context: { portal } }: Context) {
  const own = [portal.host, ...portal.addresses.map(inUrl)].map((host) => `http://${host}/`)
  const beside = [
    ...portal.others.map((address) => `http://${inUrl(address)}/`),
    ...portal.addresses.map((address) => `http://${inUrl(address)}:${PORTAL_OTHER_PORT}/`),
  ]
  return { own, beside }
}

test.serial('D13: a portal is found, said, and not opened by itself', async (t) => {
  t.timeout(60_000)
  const { portal } = t.context
  await portal.begin()
  const status = await untilPortal(t, 'blocked')
  t.deepEqual(status.portal, { host: portal.host, state: 'blocked' })
  t.is((await until(t, ({ state }) => state === 'unreachable')).reason, 'captive_portal')
  const { own, beside } = urlsOf(t)
  await doesNotReach(t, ...own, ...beside)
  t.regex((await zt(t, 'status')).stdout, /captive portal at portal\.hotel\.example.*portal open/)
})

test.serial(
  'D13: what the user opens is the portal alone, on its ports, until time is up',
  async (t) => {
    t.timeout(90_000)
    const { portal, organisation } = t.context
    t.is((await zt(t, 'portal', 'open')).code, 0)
    const long = await startProcess({
      argv: [
        ...organisation.lab.inLaptop,
        ...[...AS_USER, 'curl', '-sSN', `http://${portal.host}/long`],
      ],
      logFile: `${organisation.folder}/long.log`,
      readyWhen: /Welcome/,
    })
    t.teardown(() => long.stop())
    t.is((await untilPortal(t, 'open')).portal?.host, portal.host)
    for (const family of ['-4', '-6']) {
      t.is(await reaches(t, `http://${portal.host}/`, family), 'Welcome to the hotel.\n')
    }
    const { own, beside } = urlsOf(t)
    for (const url of own) await reaches(t, url)
    await doesNotReach(t, ...beside)
    await untilPortal(t, 'blocked')
    t.not(await long.exited, 0, 'an open connection ends, too')
    await doesNotReach(t, ...own, ...beside)
  },
)

test.serial('D13: the portal is closed when the user says so', async (t) => {
  t.timeout(30_000)
  t.is((await zt(t, 'portal', 'open')).code, 0)
  const [url = ''] = urlsOf(t).own
  await reaches(t, url)
  t.is((await zt(t, 'portal', 'close')).code, 0)
  await doesNotReach(t, url)
})

test.serial(
  'D13 T109: a daemon that is killed leaves nothing open, nor does the next one open it',
  async (t) => {
    t.timeout(90_000)
    const { organisation } = t.context
    t.is((await zt(t, 'portal', 'open')).code, 0)
    const [, ...byAddress] = urlsOf(t).own
    for (const url of byAddress) await reaches(t, url)
    const { daemon } = organisation
    daemon.signal('SIGKILL')
    await daemon.exited
    await doesNotReach(t, ...byAddress)
    await organisation.startDaemon()
    await untilPortal(t, 'blocked')
    await doesNotReach(t, ...urlsOf(t).own)
  },
)

test.serial(
  'D13: when the gateway answers again the portal is closed, and all is as before',
  async (t) => {
    t.timeout(60_000)
    const { portal } = t.context
    t.is((await zt(t, 'portal', 'open')).code, 0)
    await portal.end()
    const status = await until(t, ({ state }) => state === 'connected')
    t.is(status.portal, undefined)
    t.is(status.reason, undefined)
    await doesNotReach(t, ...urlsOf(t).own.slice(1))
    const refused = await zt(t, 'portal', 'open')
    t.not(refused.code, 0)
    t.regex(refused.stderr, /no_portal/)
  },
)
