/**
 * A small organisation on this machine: identity provider, targets, gateway and an enrolled daemon, all real.
 * Used by the demo, by rig tests and by the benchmarks.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { type LabProcess, startProcess } from './child-process.ts'
import { type Person, startIdentityProvider } from './identity-provider.ts'
import { initialise, startLabGateway, type Urls, urlsOf } from './lab-gateway.ts'
import { type Lab, loopbackLab, namespaceLab } from './namespace-lab.ts'
import { emptyPolicy, PORTS, type PolicyInput } from './policy-texts.ts'
import { program } from './programs.ts'
import { startSshd } from './sshd.ts'

/** What a running organisation offers. */
export type Organisation = {
  readonly lab: Lab
  readonly folder: string
  readonly people: readonly Person[]
  /** Moves somebody into other groups at the identity provider. */
  setGroups(email: string, groups: readonly string[]): Promise<void>
  readonly urls: Urls
  readonly proxy: { readonly host: string; readonly port: number }
  readonly control: string
  readonly adminToken: string
  readonly caSha256: string
  /** CAs that a browser of this organisation trusts: gateway and identity provider, PEM files. */
  readonly caFiles: readonly string[]
  readonly recordings: { readonly dir: string; readonly recipientKeyFile: string }
  readonly policyInput: PolicyInput
  /** argv prefix of `zt` that talks to this daemon and this gateway. */
  readonly zt: readonly string[]
  readonly files: Readonly<
    Record<'webLog' | 'sshdLog' | 'gatewayLog' | 'daemonLog' | 'data', string>
  >
  /** The gateway now running. */
  gateway(): LabProcess
  readonly daemon: LabProcess
  /** Starts the daemon again on the same state, after it ended; the proxy port is another one. */
  startDaemon(): Promise<LabProcess>
  /** Lets the daemon's clock differ from this machine's; needs `hasClock`. It sees that within a second. */
  setClock(offsetSeconds: number): void
  /** Puts a policy in force by file and SIGHUP, as an administrator does. */
  applyPolicy(text: string): Promise<void>
  /** Starts the gateway again on the same data, after it ended. */
  startGateway(): Promise<void>
  close(): Promise<void>
}

/** Loopback labs share 127.0.0.0/8 with the machine: sshd takes a port that needs no privilege. */
const UNPRIVILEGED_SSH_PORT = 10_022

type Closers = (() => Promise<unknown>)[]

type OrganisationOptions = {
  /** The daemon has a network namespace of its own. */
  readonly hasLaptop?: boolean
  /** The daemon has a clock of its own, by libfaketime. */
  readonly hasClock?: boolean
  /** More flags of the daemon. */
  readonly daemonFlags?: readonly string[]
  /** @returns more lines of the `gateway` section, indented by two. */
  readonly gatewayLines?: (lab: Lab) => Promise<string>
}

/**
 * Starts everything but the enrolment; private destinations are denied until `applyPolicy`.
 * @param kind `namespaces` needs root.
 */
export async function startOrganisation(
  kind: Lab['kind'],
  { hasLaptop = false, hasClock = false, daemonFlags = [], gatewayLines }: OrganisationOptions = {},
): Promise<Organisation> {
  const folder = mkdtempSync(join(tmpdir(), 'zt-lab-'))
  const closers: Closers = [async () => rmSync(folder, { recursive: true, force: true })]
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const lab = kind === 'namespaces' ? await namespaceLab(hasLaptop) : loopbackLab()
    closers.push(() => lab.remove())
    const more = (await gatewayLines?.(lab)) ?? ''
    return { ...(await startAll({ lab, folder, closers, hasClock, daemonFlags, more })), close }
  } catch (failure) {
    await close()
    throw failure
  }
}

type Start = {
  readonly lab: Lab
  readonly folder: string
  readonly closers: Closers
  readonly hasClock: boolean
  readonly daemonFlags: readonly string[]
  /** Lines of the gateway section. */
  readonly more: string
}

async function startAll({
  lab,
  folder,
  closers,
  hasClock,
  daemonFlags,
  more,
}: Start): Promise<Omit<Organisation, 'close'>> {
  const urls = urlsOf(lab)
  const idp = await startIdentityProvider(lab, folder, `${urls.login}/oidc/callback`)
  closers.push(() => idp.process.stop())
  const secrets = await initialise(folder)
  const { sshdLog, policyInput } = await startTargets(lab, folder, closers)
  const first = { issuer: idp.issuer, more, policy: emptyPolicy(policyInput) }
  const gateway = await startLabGateway(lab, folder, first)
  closers.push(() => gateway.process().stop())
  const setClock = clockIn(folder)
  setClock(0)
  const runner = [...lab.inLaptop, ...(hasClock ? withClock(folder) : [])]
  const device = await startDaemon(runner, folder, daemonFlags)
  let running = device.daemon
  closers.push(() => running.stop())
  return {
    lab,
    folder,
    people: idp.people,
    setGroups: idp.setGroups,
    urls,
    ...device,
    startDaemon: async () => {
      running = (await startDaemon(runner, folder, daemonFlags)).daemon
      return running
    },
    ...secrets,
    ...filesOf(folder, sshdLog),
    policyInput,
    zt: ztArgv(folder, device.control, urls.admin, secrets.adminToken),
    gateway: gateway.process,
    startGateway: gateway.start,
    applyPolicy: gateway.apply,
    setClock,
  }
}

function filesOf(
  folder: string,
  sshdLog: string,
): Pick<Organisation, 'caFiles' | 'recordings' | 'files'> {
  const at = (name: string): string => join(folder, name)
  return {
    caFiles: [at('data/keys/gateway-ca.crt'), at('idp-ca.pem')],
    recordings: { dir: at('data/recordings'), recipientKeyFile: at('recipient.key') },
    files: {
      webLog: at('web.log'),
      sshdLog,
      gatewayLog: at('gateway.log'),
      daemonLog: at('daemon.log'),
      data: at('data'),
    },
  }
}

/** The secret goes by a file: argv can be read by everybody on the machine. */
function ztArgv(
  folder: string,
  control: string,
  adminUrl: string,
  token: string,
): readonly string[] {
  const tokenFile = join(folder, 'admin.token')
  writeFileSync(tokenFile, token, { mode: 0o600 })
  const ca = join(folder, 'data/keys/gateway-ca.crt')
  const admin = ['--admin-url', adminUrl, '--admin-ca', ca, '--admin-token-file', tokenFile]
  return [...program('cli/main.js'), '--control', control, ...admin]
}

const clockFileIn = (folder: string): string => join(folder, 'clock')

/** In one piece: the daemon may be reading it. */
function clockIn(folder: string): (offsetSeconds: number) => void {
  const [file, draft] = [clockFileIn(folder), join(folder, 'clock.new')]
  return (offsetSeconds) => {
    writeFileSync(draft, `${offsetSeconds < 0 ? '' : '+'}${offsetSeconds}\n`)
    renameSync(draft, file)
  }
}

/** The clock that is set, and no other: what measures how long something takes goes on. */
function withClock(folder: string): readonly string[] {
  const library = '/usr/$LIB/faketime/libfaketime.so.1'
  const own = ['FAKETIME_DONT_FAKE_MONOTONIC=1', 'FAKETIME_CACHE_DURATION=1']
  return ['env', `LD_PRELOAD=${library}`, `FAKETIME_TIMESTAMP_FILE=${clockFileIn(folder)}`, ...own]
}

async function startDaemon(runner: readonly string[], folder: string, flags: readonly string[]) {
  const control = join(folder, 'control.sock')
  const places = ['--state', join(folder, 'daemon'), '--control', control, '--proxy', '127.0.0.1:0']
  const daemon = await startProcess({
    argv: [...runner, ...program('daemon/main.js'), 'run', ...places, ...flags],
    logFile: join(folder, 'daemon.log'),
    readyWhen: /"msg":"ready"/,
  })
  const { proxy } = JSON.parse(daemon.readyLine) as { proxy: { host: string; port: number } }
  return { daemon, proxy, control }
}

async function startTargets(lab: Lab, folder: string, closers: Closers) {
  const webLog = join(folder, 'web.log')
  const web = await startProcess({
    argv: [
      ...lab.inTargets,
      ...program('scripts/lab/web-target-process.js'),
      lab.target,
      String(PORTS.web),
    ],
    logFile: webLog,
    readyWhen: /^ready/,
  })
  closers.push(() => web.stop())
  const userAuthority = readFileSync(join(folder, 'data/keys/ssh-user-ca.pub'), 'utf8').trim()
  const sshPort = lab.kind === 'namespaces' ? PORTS.ssh : UNPRIVILEGED_SSH_PORT
  mkdirSync(join(folder, 'sshd'), { mode: 0o700 })
  const sshd = await startSshd({
    folder: join(folder, 'sshd'),
    address: lab.target,
    port: sshPort,
    inside: lab.inTargets,
    userAuthorities: [userAuthority],
  })
  closers.push(() => sshd.process.stop())
  const unixUser = userInfo().username
  const policyInput = { lab, emailDomain: 'corp.example', unixUser, hostKey: sshd.hostKey, sshPort }
  return { sshdLog: sshd.logFile, policyInput }
}
