/**
 * `scripts/bench ssh`: the SSH hop alone over loopback, and the whole path through daemon and tunnel, beside direct OpenSSH
 * and `ssh -J`, all with the same cipher.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LabProcess, must, run, startProcess } from '../lab/child-process.ts'
import { enrol } from '../lab/demo-steps.ts'
import { type Organisation, startOrganisation } from '../lab/organisation.ts'
import { demoPolicy, NAMES } from '../lab/policy-texts.ts'
import { startSshd } from '../lab/sshd.ts'
import { cpuSeconds } from './process-cost.ts'
import type { Report, Row } from './report.ts'
import { figuresOf, interleave } from './rounds.ts'
import { type Bar, median, pairedRatio } from './statistics.ts'

type Sizes = { readonly rounds: number; readonly mib: number; readonly idle: number }
const FULL: Sizes = { rounds: 5, mib: 512, idle: 40 }
const QUICK: Sizes = { rounds: 3, mib: 192, idle: 20 }

const CIPHER = 'aes128-gcm@openssh.com'
const PORTS = { sshd: 10_222, recorded: 10_223, unrecorded: 10_224 }
const MEBIBYTE = 1024 * 1024
/** Bulk data lives in memory, so that no disk is measured. */
const MEMORY_FOLDER = '/dev/shm'

const NAME = {
  direct: 'direct OpenSSH',
  jump: 'ssh -J',
  hop: 'zt hop, recorded',
  bare: 'zt hop, not recorded',
  path: 'zt, daemon and tunnel',
} as const

/** A way to the same sshd, as an ssh configuration; `hop` is the process whose CPU is counted. */
type Way = {
  readonly name: string
  readonly configFile: string
  readonly host: string
  readonly hop?: LabProcess
  /** Where that process keeps recordings. */
  readonly recordings?: string
}

/** Runs the comparison. @throws {Error} when a way cannot be measured: no ratio without its peer. */
export async function benchSsh(quick: boolean, log: (line: string) => void): Promise<Report> {
  const sizes = quick ? QUICK : FULL
  const organisation = await startOrganisation('namespaces')
  const folder = mkdtempSync(join(MEMORY_FOLDER, 'zt-bench-'))
  const started: LabProcess[] = []
  try {
    const data = join(folder, 'data')
    await must(['sh', '-c', `head -c ${sizes.mib * MEBIBYTE} /dev/urandom > ${data}`])
    const ways = [
      ...(await loopbackWays(organisation, folder, started)),
      await tunnelWay(organisation, folder),
    ]
    // Before the bulk work: what that leaves in the heap would hide what a session costs.
    const idleKib = await idleMemory(ways, sizes)
    log('idle sessions: done')
    const rows = await measure(ways, data, sizes, log)
    return {
      title: 'SSH',
      method: `Medians of ${sizes.rounds} interleaved rounds, ${sizes.mib} MiB each way with ${CIPHER}, \`ssh host cat\`, Node ${process.version}. The first four over loopback; the last through three namespaces. CPU is the hop's own.`,
      rows: [
        ...rows,
        {
          work: 'heap and buffers of an idle session',
          unit: 'KiB',
          figures: { [NAME.hop]: [idleKib] },
        },
      ],
      bars: bars(rows, idleKib),
    }
  } finally {
    for (const process of started.reverse()) await process.stop()
    await organisation.close()
    rmSync(folder, { recursive: true, force: true })
  }
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
    { name: NAME.direct, configFile: direct, host: '127.0.0.1' },
    { name: NAME.jump, configFile: jump, host: 'behind' },
    {
      name: NAME.hop,
      configFile: sshConfig(folder, 'hop', [`Port ${PORTS.recorded}`, ...open]),
      host: '127.0.0.1',
      hop: recorded,
      recordings: join(folder, 'recorded-recordings'),
    },
    {
      name: NAME.bare,
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
    name: NAME.path,
    configFile: ours,
    host: NAMES.database,
    hop: organisation.gateway(),
    recordings: organisation.recordings.dir,
  }
}

/** Seconds of one transfer, and CPU seconds of the hop. */
async function transfer(way: Way, direction: 'get' | 'put', data: string) {
  forgetRecordings(way)
  const ssh = `ssh -F ${way.configFile} ${way.host}`
  const command =
    direction === 'get' ? `${ssh} 'cat ${data}' > /dev/null` : `${ssh} 'cat > /dev/null' < ${data}`
  const pids = way.hop === undefined ? [] : [way.hop.pid]
  const before = cpuSeconds(pids)
  const startedAtMs = performance.now()
  const done = await run(['sh', '-c', command], { timeoutMs: 180_000 })
  if (done.code !== 0)
    throw new Error(`${way.name} could not be measured (${direction}): ${done.stderr.trim()}`)
  return { seconds: (performance.now() - startedAtMs) / 1000, cpu: cpuSeconds(pids) - before }
}

/** Those of the round before. Gigabytes of them would have each round write to memory that was never used, at twice the cost. */
function forgetRecordings({ recordings }: Way): void {
  if (recordings === undefined) return
  for (const file of readdirSync(recordings)) rmSync(join(recordings, file), { force: true })
}

async function measure(
  ways: readonly Way[],
  data: string,
  { rounds, mib }: Sizes,
  log: (line: string) => void,
): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const direction of ['get', 'put'] as const) {
    const results = await interleave(ways, rounds, (way) => transfer(way, direction, data))
    const perGb = ({ cpu }: { cpu: number }): number => (cpu * 1e9) / (mib * MEBIBYTE)
    const hops = new Map(
      [...results].filter(([name]) => ways.some((way) => way.name === name && way.hop)),
    )
    rows.push(
      {
        work: direction,
        unit: 'MiB/s',
        figures: figuresOf(results, ({ seconds }) => mib / seconds),
      },
      { work: `${direction}, CPU of the hop`, unit: 's/GB', figures: figuresOf(hops, perGb) },
    )
    log(`${direction}: done`)
  }
  return rows
}

function openIdle(way: Way): Promise<LabProcess> {
  return startProcess({
    argv: ['ssh', '-F', way.configFile, way.host, 'echo up; exec sleep 120'],
    logFile: '/dev/null',
    readyWhen: /^up/,
  })
}

/** Heap and buffers without garbage. Not the resident set: the system takes back more of it meanwhile than sessions need. */
async function memoryInUseKib(hop: LabProcess): Promise<number> {
  const said = hop.nextLine(/^in use/)
  hop.signal('SIGUSR2')
  return Number((await said).replace(/\D/g, '')) / 1024
}

/** Growth of the recording hop with that many sessions open, per session. */
async function idleMemory(ways: readonly Way[], { idle }: Sizes): Promise<number> {
  const way = ways.find(({ name }) => name === NAME.hop)
  if (way?.hop === undefined) throw new Error('the hop is missing')
  const { hop } = way
  const sessions: LabProcess[] = []
  const open = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) sessions.push(await openIdle(way))
  }
  try {
    // The first sessions load code and tables that all of them share, and let the heap grow to its working size.
    await open(idle / 2)
    const before = await memoryInUseKib(hop)
    await open(idle)
    return ((await memoryInUseKib(hop)) - before) / idle
  } finally {
    for (const session of sessions) await session.stop()
  }
}

/** Bars of the first slice; the final ones are stricter. */
function bars(rows: readonly Row[], idleKib: number): readonly Bar[] {
  const of = (work: string, name: string): readonly number[] =>
    rows.find((row) => row.work === work)?.figures[name] ?? []
  return [
    ...(['get', 'put'] as const).flatMap((work): Bar[] => [
      {
        name: `hop recorded and sealed, ${work}, × direct`,
        figure: pairedRatio(of(work, NAME.hop), of(work, NAME.direct)),
        bar: 0.5,
        sense: 'at_least',
      },
      {
        name: `hop CPU s/GB, ${work}`,
        figure: median(of(`${work}, CPU of the hop`, NAME.hop)),
        bar: 4,
        sense: 'at_most',
      },
      {
        name: `daemon and tunnel, ${work}, × direct`,
        figure: pairedRatio(of(work, NAME.path), of(work, NAME.direct)),
        bar: 0.3,
        sense: 'at_least',
      },
      {
        name: `recording off/on, ${work}`,
        figure: pairedRatio(of(work, NAME.bare), of(work, NAME.hop)),
        bar: 1.3,
        sense: 'at_most',
      },
    ]),
    { name: 'memory of an idle session, KiB', figure: idleKib, bar: 300, sense: 'at_most' },
  ]
}
