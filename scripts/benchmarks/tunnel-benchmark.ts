/**
 * `scripts/bench tunnel`: laptop → tunnel → gateway → target over namespaces, ours and peers in turn on the same work.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type LabProcess, must, run, startProcess } from '../lab/child-process.ts'
import { enrol } from '../lab/log-in.ts'
import { type Organisation, startOrganisation } from '../lab/organisation.ts'
import { demoPolicy } from '../lab/policy-texts.ts'
import { type Contender, startHaproxy, startSshForward } from './peers.ts'
import { cpuSeconds, memoryKib } from './process-cost.ts'
import type { Report, Row } from './report.ts'
import { type Figures, figuresOf, interleave } from './rounds.ts'
import { type Bar, pairedRatio } from './statistics.ts'

const LOAD_PORT = 9000
const OURS = 'zt'

/**
 * Sizes of one run; quick ones fit in three minutes. A peer that connects anew for each flow uses up the laptop's
 * ports: more than 14,000 flows in a minute would measure the kernel's search for a free one.
 */
type Sizes = {
  readonly rounds: number
  readonly mib: number
  readonly flows: number
  readonly idle: number
}
/** Flows that count for nothing: a gateway runs for weeks, and V8 compiles its code within the first few thousand. */
const WARM_UP_FLOWS = '4000'
const FULL: Sizes = { rounds: 5, mib: 1024, flows: 2000, idle: 1000 }
const QUICK: Sizes = { rounds: 3, mib: 256, flows: 1000, idle: 200 }

/** Runs the comparison. @throws {Error} when a contender cannot be measured: no ratio without its peer. */
export async function benchTunnel(quick: boolean, log: (line: string) => void): Promise<Report> {
  const sizes = quick ? QUICK : FULL
  const organisation = await startOrganisation('namespaces')
  const started: LabProcess[] = []
  try {
    const load = await buildLoad(organisation.folder)
    const contenders = await startContenders(organisation, load, started)
    const rows = await measure(contenders, organisation, load, sizes, log)
    return {
      title: 'Tunnel',
      method: `Medians of ${sizes.rounds} interleaved rounds, ${sizes.mib} MiB a transfer, ${sizes.flows} flows (8 at a time, after ${WARM_UP_FLOWS} uncounted), three namespaces, Node ${process.version}. CPU counts client and gateway side.`,
      rows,
      bars: bars(rows),
    }
  } finally {
    for (const process of started.reverse()) await process.stop()
    await organisation.close()
  }
}

/** Compiles the load generator. */
export async function buildLoad(folder: string): Promise<string> {
  const binary = join(folder, 'load')
  await must(['gcc', '-O2', '-pthread', '-o', binary, 'scripts/benchmarks/load.c'])
  return binary
}

async function startContenders(
  organisation: Organisation,
  load: string,
  started: LabProcess[],
): Promise<readonly Contender[]> {
  const { lab, folder, people, policyInput, proxy } = organisation
  const target = `${lab.target}:${LOAD_PORT}`
  started.push(
    await startProcess({
      argv: [...lab.inTargets, load, 'serve', lab.target, String(LOAD_PORT)],
      logFile: join(folder, 'load.log'),
      readyWhen: /ready/,
    }),
  )
  const person = people[0]
  if (person === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, person)
  const extraApplications = `    - name: load
      destinations: ["${target}"]
      policies: [{ name: all, decision: allow, include: [{ everyone: true }] }]
`
  await organisation.applyPolicy(demoPolicy({ ...policyInput, extraApplications }))
  const peerFolder = (name: string): string => {
    const path = join(folder, name)
    mkdirSync(path, { mode: 0o700 })
    return path
  }
  const haproxy = await startHaproxy(lab, peerFolder('haproxy'), target)
  started.push(...haproxy.processes)
  const ssh = await startSshForward(lab, peerFolder('ssh'), target)
  started.push(...ssh.processes)
  const ours = {
    name: OURS,
    host: lab.target,
    port: LOAD_PORT,
    socks: `${proxy.host}:${proxy.port}`,
    processes: [organisation.gateway(), organisation.daemon],
  }
  return [haproxy, ssh, ours]
}

/** One run of the load generator: seconds it took, CPU seconds the contender spent. */
export async function once(load: string, contender: Contender, work: readonly string[]) {
  const pids = contender.processes.map((process) => process.pid)
  const before = cpuSeconds(pids)
  const [kind = '', ...rest] = work
  const { inside = [], host, port } = contender
  const done = await run([...inside, load, kind, host, String(port), ...rest], {
    timeoutMs: 120_000,
    ...(contender.socks === undefined ? {} : { env: { LOAD_SOCKS: contender.socks } }),
  })
  const seconds = Number(done.stdout)
  if (done.code !== 0 || !(seconds > 0)) {
    throw new Error(
      `${contender.name} could not be measured (${work.join(' ')}): ${done.stderr.trim()}`,
    )
  }
  return { seconds, cpu: cpuSeconds(pids) - before }
}

async function measure(
  contenders: readonly Contender[],
  organisation: Organisation,
  load: string,
  sizes: Sizes,
  log: (line: string) => void,
): Promise<readonly Row[]> {
  const mib = String(sizes.mib)
  const works = [
    { work: 'one stream up', argv: ['bulk', 'up', mib, '1'] },
    { work: 'one stream down', argv: ['bulk', 'down', mib, '1'] },
    { work: '32 streams down', argv: ['bulk', 'down', mib, '32'] },
  ]
  const rows: Row[] = []
  for (const { work, argv } of works) {
    const results = await interleave(contenders, sizes.rounds, (contender) =>
      once(load, contender, argv),
    )
    rows.push(
      { work, unit: 'MiB/s', figures: figuresOf(results, ({ seconds }) => sizes.mib / seconds) },
      {
        work: `${work}, CPU`,
        unit: 's/GiB',
        figures: figuresOf(results, ({ cpu }) => (cpu * 1024) / sizes.mib),
      },
    )
    log(`${work}: done`)
  }
  for (const contender of contenders) await once(load, contender, ['flows', WARM_UP_FLOWS, '8'])
  const flows = await interleave(contenders, sizes.rounds, (contender) =>
    once(load, contender, ['flows', String(sizes.flows), '8']),
  )
  rows.push({
    work: 'new flows',
    unit: '1/s',
    figures: figuresOf(flows, ({ seconds }) => sizes.flows / seconds),
  })
  rows.push({
    work: 'new flows, CPU',
    unit: 's/1000',
    figures: figuresOf(flows, ({ cpu }) => (cpu * 1000) / sizes.flows),
  })
  log('new flows: done')
  rows.push({
    work: 'memory of an idle flow',
    unit: 'KiB',
    figures: await idleMemory(contenders, organisation, load, sizes),
  })
  return rows
}

async function idleMemory(
  contenders: readonly Contender[],
  organisation: Organisation,
  load: string,
  sizes: Sizes,
): Promise<Figures> {
  const grown = await interleave(contenders, 1, async (contender) => {
    const pids = contender.processes.map((process) => process.pid)
    const before = memoryKib(pids)
    const holder = await startProcess({
      argv: [load, 'idle', contender.host, String(contender.port), String(sizes.idle)],
      logFile: join(organisation.folder, 'idle.log'),
      readyWhen: /ready/,
      ...(contender.socks === undefined ? {} : { env: { LOAD_SOCKS: contender.socks } }),
    })
    const after = memoryKib(pids)
    await holder.stop()
    return Math.max(0, after - before) / sizes.idle
  })
  return figuresOf(grown, (kib) => kib)
}

/** Medians of interleaved rounds of 1500 flows after 10,000, CPU of both sides; profiles of both programs. */
const FLOWS_LIMIT =
  "A flow costs zt less CPU than HAProxy, and a bare pair on node:http2 (SOCKS in, CONNECT, connect out; no policy, no records) costs a third of HAProxy's: that pair is the floor of this framing. Each of our programs is one thread, HAProxy has two a side. What zt adds to the pair is two thirds in the gateway, where SQLite takes 9 % of the time, policy 5 %, and nothing else of ours 4 %."

/** Bars of the first backend (node:http2). */
function bars(rows: readonly Row[]): readonly Bar[] {
  const ratio = (work: string, peer: string): number => {
    const figures = rows.find((row) => row.work === work)?.figures
    return pairedRatio(figures?.[OURS] ?? [], figures?.[peer] ?? [])
  }
  const bar = (work: string, peer: string, least: number): Bar => ({
    name: `${work}, × ${peer}`,
    figure: ratio(work, peer),
    bar: least,
    sense: 'at_least',
  })
  return [
    ...['one stream up', 'one stream down', '32 streams down'].flatMap((work) => [
      bar(work, 'HAProxy mTLS pair', 0.35),
      bar(work, 'ssh -L', 0.7),
    ]),
    { ...bar('new flows', 'HAProxy mTLS pair', 2), limit: FLOWS_LIMIT },
  ]
}
