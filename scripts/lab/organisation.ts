/**
 * A small organisation on this machine: identity provider, targets, gateway and an enrolled daemon, all real.
 * Used by the demo, by rig tests and by the benchmarks.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LabProcess, run, startProcess } from './child-process.ts'
import { type Lab, loopbackLab, namespaceLab } from './namespace-lab.ts'
import { emptyPolicy, NAMES, PORTS, type PolicyInput } from './policy-texts.ts'
import { startSshd } from './sshd.ts'

/** Someone who can log in at the identity provider. */
export type Person = {
  readonly email: string
  readonly password: string
  readonly name: string
  readonly groups: readonly string[]
}

/** What a running organisation offers. */
export type Organisation = {
  readonly lab: Lab
  readonly folder: string
  readonly people: readonly Person[]
  readonly urls: Readonly<Record<'tunnel' | 'login' | 'admin', string>>
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
  /** Puts a policy in force by file and SIGHUP, as an administrator does. */
  applyPolicy(text: string): Promise<void>
  /** Starts the gateway again on the same data, after it ended. */
  startGateway(): Promise<void>
  close(): Promise<void>
}

const DIST = fileURLToPath(new URL('../..', import.meta.url))
const TUNNEL_PORT = 8443
const LOGIN_PORT = 7443
const ADMIN_PORT = 7444
const IDP_PORT = 7080
/** Loopback labs share 127.0.0.0/8 with the machine: sshd takes a port that needs no privilege. */
const UNPRIVILEGED_SSH_PORT = 10_022

const program = (path: string): string[] => [process.execPath, join(DIST, path)]

/**
 * Starts everything but the enrolment; private destinations are denied until `applyPolicy`.
 * @param kind `namespaces` needs root.
 */
export async function startOrganisation(kind: Lab['kind']): Promise<Organisation> {
  const folder = mkdtempSync(join(tmpdir(), 'zt-lab-'))
  const closers: (() => Promise<unknown>)[] = [
    async () => rmSync(folder, { recursive: true, force: true }),
  ]
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const lab = kind === 'namespaces' ? await namespaceLab() : loopbackLab()
    closers.push(() => lab.remove())
    return { ...(await startAll(lab, folder, closers)), close }
  } catch (failure) {
    await close()
    throw failure
  }
}

type Closers = (() => Promise<unknown>)[]

async function startAll(
  lab: Lab,
  folder: string,
  closers: Closers,
): Promise<Omit<Organisation, 'close'>> {
  const at = (name: string): string => join(folder, name)
  const started = async (starting: Promise<LabProcess>): Promise<LabProcess> => {
    const process = await starting
    closers.push(() => process.stop())
    return process
  }
  const urls = {
    tunnel: `https://${lab.gateway}:${TUNNEL_PORT}`,
    login: `https://${lab.gateway}:${LOGIN_PORT}`,
    admin: `https://${lab.admin}:${ADMIN_PORT}`,
  }
  const people = makePeople()
  const idp = await started(
    startIdentityProvider(lab, folder, people, `${urls.login}/oidc/callback`),
  )
  const idpInfo = JSON.parse(idp.readyLine) as {
    issuer: string
    clientSecret: string
    caPem: string
  }
  writeFileSync(at('idp-ca.pem'), idpInfo.caPem)
  writeFileSync(at('idp.secret'), idpInfo.clientSecret, { mode: 0o600 })

  const { adminToken, caSha256 } = await initialise(folder)
  const targets = await startTargets(lab, folder, closers)
  const configFile = at('zt.yaml')
  const gatewaySection = gatewayYaml(lab, urls, idpInfo.issuer)
  const policyInput = {
    lab,
    emailDomain: 'corp.example',
    unixUser: userInfo().username,
    ...targets.policy,
  }
  writeFileSync(configFile, `${gatewaySection}${emptyPolicy(policyInput)}`)

  const gatewayLog = at('gateway.log')
  let gateway: LabProcess
  const startGateway = async (): Promise<void> => {
    gateway = await startProcess({
      argv: [...lab.inGateway, ...program('gateway/main.js'), 'run', '--config', configFile],
      logFile: gatewayLog,
      readyWhen: /"msg":"ready"/,
    })
  }
  await startGateway()
  closers.push(() => gateway.stop())

  const control = at('control.sock')
  const daemonLog = at('daemon.log')
  const daemon = await started(
    startProcess({
      argv: [
        ...program('daemon/main.js'),
        'run',
        '--state',
        at('daemon'),
        '--control',
        control,
        '--proxy',
        '127.0.0.1:0',
      ],
      logFile: daemonLog,
      readyWhen: /"msg":"ready"/,
    }),
  )
  const proxy = (JSON.parse(daemon.readyLine) as { proxy: { host: string; port: number } }).proxy
  writeFileSync(at('admin.token'), adminToken, { mode: 0o600 })
  return {
    lab,
    folder,
    people,
    urls,
    proxy,
    control,
    adminToken,
    caSha256,
    caFiles: [at('data/keys/gateway-ca.crt'), at('idp-ca.pem')],
    recordings: { dir: at('data/recordings'), recipientKeyFile: at('recipient.key') },
    policyInput,
    zt: [
      ...program('cli/main.js'),
      '--control',
      control,
      '--admin-url',
      urls.admin,
      '--admin-ca',
      at('data/keys/gateway-ca.crt'),
      '--admin-token-file',
      at('admin.token'),
    ],
    files: {
      webLog: at('web.log'),
      sshdLog: targets.sshdLog,
      gatewayLog,
      daemonLog,
      data: at('data'),
    },
    gateway: () => gateway,
    daemon,
    startGateway,
    applyPolicy: async (text) => {
      writeFileSync(configFile, `${gatewaySection}${text}`)
      const applied = gateway.nextLine(/policy revision|reload/i)
      gateway.signal('SIGHUP')
      const line = await applied
      if (!/"revision":/.test(line)) throw new Error(`the gateway refused the policy: ${line}`)
    },
  }
}

function makePeople(): readonly Person[] {
  const person = (name: string, groups: readonly string[]): Person => ({
    email: `${name.toLowerCase()}@corp.example`,
    password: randomBytes(9).toString('base64url'),
    name,
    groups,
  })
  return [person('Alice', ['engineers']), person('Bob', ['sales'])]
}

function startIdentityProvider(
  lab: Lab,
  folder: string,
  accounts: readonly Person[],
  redirectUri: string,
): Promise<LabProcess> {
  const configFile = join(folder, 'idp.json')
  writeFileSync(
    configFile,
    JSON.stringify({ host: lab.laptop, port: IDP_PORT, accounts, redirectUri }),
    {
      mode: 0o600,
    },
  )
  return startProcess({
    argv: [...program('test/support/idp-process.js'), configFile],
    logFile: join(folder, 'idp.log'),
    readyWhen: /"ready":true/,
  })
}

/** `zt-gateway init`, a recipient's key, and the signed list of recipients. */
async function initialise(folder: string): Promise<{ adminToken: string; caSha256: string }> {
  const at = (name: string): string => join(folder, name)
  const gateway = program('gateway/main.js')
  const made = await must([
    ...gateway,
    'init',
    '--data',
    at('data'),
    '--config',
    at('init.yaml'),
    '--name',
    'Demo',
    '--json',
  ])
  const facts = JSON.parse(made) as { adminSecret: string; caSha256: string }
  await must([...program('cli/main.js'), 'recordings', 'keygen', '--out', at('recipient.key')])
  await must([
    ...gateway,
    'recipients',
    'sign',
    '--key',
    at('recipients-signer.key'),
    '--recipient',
    at('recipient.key.pub'),
    '--out',
    at('recipients.jws'),
  ])
  return { adminToken: facts.adminSecret, caSha256: facts.caSha256 }
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
  return { sshdLog: sshd.logFile, policy: { hostKey: sshd.hostKey, sshPort } }
}

function gatewayYaml(lab: Lab, urls: Organisation['urls'], issuer: string): string {
  const hosts =
    lab.kind === 'namespaces'
      ? `${NAMES.wiki}: ${lab.target}, ${NAMES.database}: ${lab.target}, ${NAMES.denied}: ${lab.target}`
      : ''
  const listener = (name: 'tunnel' | 'login' | 'admin', address: string, port: number): string =>
    `  ${name}: { listen: "${address}:${port}", url: "${urls[name]}" }\n`
  return `gateway:
  organisation: Demo
  data: ./data
${listener('tunnel', lab.gateway, TUNNEL_PORT)}${listener('login', lab.gateway, LOGIN_PORT)}${listener('admin', lab.admin, ADMIN_PORT)}  hosts: { ${hosts} }
  identity_providers:
    - { name: demo, kind: oidc, issuer: "${issuer}", client_id: zt, client_secret_file: idp.secret, ca_file: idp-ca.pem, groups_claim: groups }
  recordings: { recipients_file: recipients.jws }
`
}

/** Runs a command that has to succeed. @returns its standard output. */
export async function must(argv: readonly string[]): Promise<string> {
  const done = await run(argv)
  if (done.code !== 0)
    throw new Error(`${argv.join(' ')}\nexit ${done.code}: ${done.stderr.trim()}`)
  return done.stdout
}
