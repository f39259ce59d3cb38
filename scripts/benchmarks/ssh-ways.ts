/**
 * The ways to one and the same target that `scripts/bench ssh` compares, each as an ssh configuration.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LabProcess, must, run, startProcess } from '../lab/child-process.ts'
import { enrol } from '../lab/log-in.ts'
import type { Organisation } from '../lab/organisation.ts'
import { demoPolicy, NAMES } from '../lab/policy-texts.ts'
import { startSshd } from '../lab/sshd.ts'
import { WAY } from './ssh-bars.ts'

/** All ways use it. */
export const CIPHER = 'aes128-gcm@openssh.com'
const PORTS = { sshd: 10_222, recorded: 10_223, unrecorded: 10_224 }

/** `hop` is the process whose CPU is counted. */
export type Way = {
  readonly name: string
  readonly configFile: string
  readonly host: string
  readonly hop?: LabProcess
  /** Where that process keeps recordings. */
  readonly recordings?: string
  /** Differs from another way in the login only. */
  readonly loginsOnly?: true
}

/** Starts what the ways need. @param started takes the processes, which the caller ends. */
export async function startWays(
  organisation: Organisation,
  folder: string,
  started: LabProcess[],
): Promise<readonly Way[]> {
  return [
    ...(await loopbackWays(organisation, folder, started)),
    await tunnelWay(organisation, folder),
  ]
}

/** How the client gets there and what key exchange it agrees on, as ssh itself tells. */
export async function describeWay({ name, configFile, host }: Way): Promise<string> {
  const settings = await must(['ssh', '-G', '-F', configFile, host])
  const proxy = /^proxy(?:command|jump) (.*)$/m.exec(settings)?.[0] ?? 'TCP'
  const { stderr } = await run(['ssh', '-v', '-F', configFile, host, 'true'])
  const exchange = /kex: algorithm: (\S+)/.exec(stderr)?.[1]
  if (exchange === undefined) throw new Error(`${name} could not be reached: ${stderr.trim()}`)
  return `${name}: ${proxy}, ${exchange}`
}

/** Those of the round before. Gigabytes of them would have each round write to memory that was never used, at twice the cost. */
export function forgetRecordings({ recordings }: Way): void {
  if (recordings === undefined) return
  for (const file of readdirSync(recordings)) rmSync(join(recordings, file), { force: true })
}

function sshConfig(folder: string, name: string, lines: readonly string[]): string {
  const file = join(folder, `${name}.conf`)
  writeFileSync(
    file,
    `Host *\n${['User root', 'BatchMode yes', `Ciphers ${CIPHER}`, 'LogLevel ERROR', ...lines].map((line) => `  ${line}\n`).join('')}`,
  )
  return file
}

async function loopbackWays(
  organisation: Organisation,
  folder: string,
  started: LabProcess[],
): Promise<readonly Way[]> {
  const key = join(folder, 'user')
  await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key])
  const sshd = await startSshd({
    folder: join(folder, 'sshd'),
    address: '127.0.0.1',
    port: PORTS.sshd,
    userAuthorities: [
      readFileSync(join(organisation.files.data, 'keys/ssh-user-ca.pub'), 'utf8').trim(),
    ],
    authorizedKeys: [readFileSync(`${key}.pub`, 'utf8').trim()],
  })
  started.push(sshd.process)
  const hop = async (
    name: string,
    port: number,
    record: 'required' | 'off',
  ): Promise<LabProcess> => {
    const settings = join(folder, `${name}.json`)
    const recordingsDir = join(folder, `${name}-recordings`)
    mkdirSync(recordingsDir, { mode: 0o700 })
    writeFileSync(
      settings,
      JSON.stringify({
        port,
        record,
        recordingsDir,
        keysDir: join(organisation.files.data, 'keys'),
        recipientsFile: join(organisation.folder, 'recipients.jws'),
        target: { host: '127.0.0.1', port: PORTS.sshd, hostKey: sshd.hostKey },
      }),
    )
    const process = await startProcess({
      argv: [
        globalThis.process.execPath,
        fileURLToPath(new URL('./ssh-hop-process.js', import.meta.url)),
        settings,
      ],
      logFile: join(folder, `${name}.log`),
      readyWhen: /^ready/,
    })
    started.push(process)
    return process
  }
  const open = ['StrictHostKeyChecking no', 'UserKnownHostsFile /dev/null', `IdentityFile ${key}`]
  const direct = sshConfig(folder, 'direct', [`Port ${PORTS.sshd}`, ...open])
  const jump = join(folder, 'jump.conf')
  writeFileSync(
    jump,
    `Host behind\n  HostName 127.0.0.1\n  ProxyJump 127.0.0.1\n${readFileSync(direct, 'utf8')}`,
  )
  const recorded = await hop('recorded', PORTS.recorded, 'required')
  const bare = await hop('bare', PORTS.unrecorded, 'off')
  return [
    { name: WAY.direct, configFile: direct, host: '127.0.0.1' },
    {
      name: WAY.sameExchange,
      configFile: sshConfig(folder, 'same-exchange', [
        `Port ${PORTS.sshd}`,
        'KexAlgorithms curve25519-sha256',
        ...open,
      ]),
      host: '127.0.0.1',
      loginsOnly: true,
    },
    { name: WAY.jump, configFile: jump, host: 'behind' },
    {
      name: WAY.hop,
      configFile: sshConfig(folder, 'hop', [`Port ${PORTS.recorded}`, ...open]),
      host: '127.0.0.1',
      hop: recorded,
      recordings: join(folder, 'recorded-recordings'),
    },
    {
      name: WAY.bare,
      configFile: sshConfig(folder, 'bare', [`Port ${PORTS.unrecorded}`, ...open]),
      host: '127.0.0.1',
      hop: bare,
    },
  ]
}

async function tunnelWay(organisation: Organisation, folder: string): Promise<Way> {
  const { people, zt, policyInput } = organisation
  const person = people[0]
  if (person === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, person)
  await organisation.applyPolicy(demoPolicy(policyInput))
  const printed = await run([...zt, 'ssh-config'], { env: { XDG_CONFIG_HOME: folder } })
  const ours = sshConfig(folder, 'path', [`Port ${policyInput.sshPort}`])
  writeFileSync(ours, `${printed.stdout}\n${readFileSync(ours, 'utf8')}`)
  return {
    name: WAY.path,
    configFile: ours,
    host: NAMES.database,
    hop: organisation.gateway(),
    recordings: organisation.recordings.dir,
  }
}
