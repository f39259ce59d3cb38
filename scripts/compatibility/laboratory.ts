/** An organisation with one SSH target, and the variables under which rows reach it: directly, and through zt. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must, run } from '../lab/child-process.ts'
import { enrol } from '../lab/log-in.ts'
import { type Organisation, startOrganisation } from '../lab/organisation.ts'
import { NAMES, PORTS } from '../lab/policy-texts.ts'
import type { Outcome } from './row.ts'

/** Variables of rows, and where they are run. */
export type Way = {
  readonly prefix: readonly string[]
  readonly variables: Readonly<Record<string, string>>
}

export type Laboratory = {
  readonly direct: Way
  readonly through: Way
  run(way: Way, command: string): Promise<Outcome>
  close(): Promise<void>
}

const BIG_OCTETS = 20_000_000
const LIMIT_SECONDS = 240

/** Starts everything; needs root. */
export async function openLaboratory(): Promise<Laboratory> {
  const organisation = await startOrganisation('namespaces')
  const folder = mkdtempSync(join(tmpdir(), 'zt-compatibility-'))
  const close = async (): Promise<void> => {
    rmSync(folder, { recursive: true, force: true })
    await organisation.close()
  }
  try {
    const ways = await prepare(organisation, folder)
    let number = 0
    return { ...ways, close, run: (way, command) => runRow(way, command, folder, number++) }
  } catch (failure) {
    await close()
    throw failure
  }
}

/** Everything that SSH carries is allowed: what then fails is a fault of ours. */
function permissivePolicy({ policyInput }: Organisation): string {
  const { lab, hostKey, unixUser, emailDomain } = policyInput
  return `policy:
  tunnel: { domains: [${NAMES.zone}], prefixes: ["${lab.targetPrefix}"], others: direct }
  applications:
    - name: hosts
      destinations: ["${NAMES.database}:22", "${lab.target}:22"]
      protocol: ssh
      ssh:
        unix_users: [${unixUser}]
        host_keys: ["${hostKey}"]
        allow: [shell, exec, sftp, pty, env, signal, agent, x11]
        local_forward: ["*:*", "unix:/tmp/*"]
        remote_forward: ["*:*", "unix:/tmp/*"]
        nested: opaque
      policies: [{ name: staff, decision: allow, include: [{ email_domain: ${emailDomain} }] }]
`
}

async function prepare(organisation: Organisation, folder: string) {
  const [person] = organisation.people
  if (person === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, person)
  await organisation.applyPolicy(permissivePolicy(organisation))
  const at = (name: string): string => join(folder, name)
  await must([
    'ssh-keygen',
    '-q',
    '-t',
    'ed25519',
    '-N',
    '',
    '-C',
    'compatibility',
    '-f',
    at('key'),
  ])
  await must(['puttygen', at('key'), '-O', 'private', '-o', at('key.ppk')])
  await must(['dropbearconvert', 'openssh', 'dropbear', at('key'), at('key.dropbear')])
  await must(['sh', '-c', `head -c ${BIG_OCTETS} /dev/urandom > ${at('big')}`])
  const authorized = readFileSync(at('key.pub'), 'utf8')
  writeFileSync(join(organisation.folder, 'sshd', 'authorized'), authorized)
  const { lab, proxy } = organisation
  const direct = { prefix: lab.inTargets, host: lab.target, nc: `nc ${lab.target} 22`, socks: '' }
  const socks = `${proxy.host}:${proxy.port}`
  const through = {
    prefix: [],
    host: NAMES.database,
    nc: `nc -X 5 -x ${socks} ${NAMES.database} 22`,
    socks,
  }
  const behind = `Host behind\n HostName ${lab.target}\n HostKeyAlias behind\n`
  const target = readFileSync(join(organisation.folder, 'sshd', 'host.pub'), 'utf8').trim()
  return {
    direct: await wayOf(at('direct'), direct, {
      folder,
      behind,
      target,
      web: `${lab.target}:${PORTS.web}`,
    }),
    through: await wayOf(at('through'), through, {
      folder,
      behind,
      target,
      web: `${lab.target}:${PORTS.web}`,
    }),
  }
}

type Route = {
  readonly prefix: readonly string[]
  readonly host: string
  readonly nc: string
  readonly socks: string
}
type Common = {
  readonly folder: string
  readonly behind: string
  readonly target: string
  readonly web: string
}

/** The host key is taken from the first connection: what is compared here is not how it is vouched for. */
async function wayOf(
  name: string,
  { prefix, host, nc, socks }: Route,
  common: Common,
): Promise<Way> {
  mkdirSync(name)
  const [conf, known, key] = [join(name, 'conf'), join(name, 'known'), join(common.folder, 'key')]
  writeFileSync(known, `behind ${common.target}\n`)
  const shared = ` User root\n IdentityFile ${key}\n IdentitiesOnly yes\n BatchMode yes\n UserKnownHostsFile ${known}\n GlobalKnownHostsFile none\n HostKeyAlgorithms ssh-ed25519\n`
  const own = `Host target\n HostName ${host}\n ProxyCommand ${nc}\n HostKeyAlias ${host}\n`
  writeFileSync(conf, `${own}${common.behind}Host *\n${shared}`)
  await must([
    ...prefix,
    'ssh',
    '-F',
    conf,
    '-o',
    'StrictHostKeyChecking=accept-new',
    '-o',
    'HashKnownHosts=no',
    'target',
    'true',
  ])
  const print = await must(['ssh-keygen', '-l', '-F', host, '-f', known])
  const variables = {
    ...{ CONF: conf, KNOWN: known, KEY: key, HOST: host, NC: nc, WEB: common.web },
    CURLPROXY: socks === '' ? '' : `--socks5-hostname ${socks}`,
    PRINT: /SHA256:\S+/.exec(print)?.[0] ?? '',
    BIG: join(common.folder, 'big'),
    REGRESS: regressOf(name, { host, nc, known, key }),
  }
  return { prefix, variables }
}

type Known = {
  readonly host: string
  readonly nc: string
  readonly known: string
  readonly key: string
}

/** A program that runs a script of the suite with an ssh that goes this way whatever its configuration says. */
function regressOf(folder: string, { host, nc, known, key }: Known): string {
  const [ssh, regress] = [join(folder, 'ssh'), join(folder, 'regress')]
  const options = [
    ...[`ProxyCommand=${nc}`, `HostKeyAlias=${host}`, `UserKnownHostsFile=${known}`],
    ...['GlobalKnownHostsFile=none', 'HostKeyAlgorithms=ssh-ed25519', 'User=root'],
    ...[`IdentityFile=${key}`, 'BatchMode=yes'],
  ]
  const quoted = options.map((option) => `-o '${option}'`).join(' ')
  const route = `case " $* " in *" -F "*) exec /usr/bin/ssh ${quoted} "$@";; esac`
  writeFileSync(ssh, `#!/bin/sh\n${route}\nexec /usr/bin/ssh "$@"\n`, { mode: 0o755 })
  writeFileSync(regress, regressScript(ssh), { mode: 0o755 })
  return regress
}

function regressScript(ssh: string): string {
  return `#!/bin/sh
suite=/usr/lib/openssh/regress
export TEST_SHELL=sh TEST_SSH_UNSAFE_PERMISSIONS=1 TEST_SSH_SSH=${ssh} TEST_SSH_SSHD=/usr/sbin/sshd TEST_SSH_PORT=$PORT1
export TEST_SSH_SFTPSERVER=/usr/lib/openssh/sftp-server TEST_SSH_SCP=/usr/bin/scp TEST_SSH_SFTP=/usr/bin/sftp
for helper in netcat modpipe mkdtemp setuid-allowed check-perm; do ln -s $suite/$helper $TMP/; done
sh $suite/test-exec.sh $TMP $suite/$1.sh >$TMP/out 2>&1 || { tail -n 12 $TMP/out >&2; exit 1; }
`
}

async function runRow(way: Way, command: string, folder: string, number: number): Promise<Outcome> {
  const tmp = join(folder, `row${number}`)
  mkdirSync(tmp)
  const ports = { PORT1: String(21_000 + 2 * number), PORT2: String(21_001 + 2 * number) }
  const argv = [...way.prefix, 'timeout', '-k', '5', String(LIMIT_SECONDS), 'bash', '-c', command]
  const done = await run(argv, { env: { ...way.variables, ...ports, TMP: tmp } })
  rmSync(tmp, { recursive: true, force: true })
  return done
}
