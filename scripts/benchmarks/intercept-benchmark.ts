/**
 * `scripts/bench intercept`: programs without proxy settings, through zt's transparent mode, its proxy mode, and other ways
 * to the same target; and datagrams.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type LabProcess, run, startProcess } from '../lab/child-process.ts'
import { enrol } from '../lab/log-in.ts'
import { type Organisation, startOrganisation } from '../lab/organisation.ts'
import { demoPolicy } from '../lab/policy-texts.ts'
import { openWays, type PeerOptions, startRedsocks, startSshuttle } from './intercept-peers.ts'
import type { Contender } from './peers.ts'
import type { Report, Row } from './report.ts'
import { figuresOf, interleave } from './rounds.ts'
import { pairedRatio } from './statistics.ts'
import { buildLoad, once } from './tunnel-benchmark.ts'

const LOAD_PORT = 9000
const TRANSPARENT = 'zt, transparent'
const PROXY = 'zt, proxy'
/** Flows that count for nothing: V8 compiles within the first few thousand. */
const WARM_UP_FLOWS = '4000'
/** As with QUIC and VPNs. */
const DATAGRAM_OCTETS = 1200

type Sizes = {
  readonly rounds: number
  readonly mib: number
  readonly flows: number
  /** Datagrams a second that are offered. */
  readonly rates: readonly number[]
  readonly seconds: number
}
const FULL: Sizes = {
  ...{ rounds: 5, mib: 512, flows: 2000 },
  ...{ rates: [2000, 10_000, 50_000], seconds: 5 },
}
const QUICK: Sizes = { rounds: 3, mib: 64, flows: 500, rates: [2000, 20_000], seconds: 2 }

/** Runs the comparison; needs root. @throws {Error} when a contender cannot be measured. */
export async function benchIntercept(quick: boolean, log: (line: string) => void): Promise<Report> {
  const sizes = quick ? QUICK : FULL
  const organisation = await startOrganisation('namespaces', {
    hasLaptop: true,
    daemonFlags: ['--mode', 'transparent'],
  })
  const started: LabProcess[] = []
  try {
    const load = await buildLoad(organisation.folder)
    const contenders = await startContenders(organisation, load, started)
    for (const { name } of contenders) log(`ready: ${name}`)
    const rows = [
      ...(await measureConnections(contenders, load, sizes, log)),
      ...(await measureDatagrams(contenders, load, sizes, log)),
    ]
    return {
      title: 'Interception',
      method: `Medians of ${sizes.rounds} interleaved rounds, ${sizes.mib} MiB a transfer, ${sizes.flows} flows (8 at a time, ${WARM_UP_FLOWS} uncounted ones through zt before), four namespaces, Node ${process.version}. zt goes through tunnel and gateway with TLS and policy; sshuttle encrypts by ssh, redsocks and dante do not encrypt. Datagrams have ${DATAGRAM_OCTETS} octets, go to a server and come back, ${sizes.seconds} s at each rate. Node has neither recvmmsg nor sendmmsg: each datagram costs system calls of its own in the daemon and in the gateway.`,
      rows,
      bars: bars(rows),
    }
  } finally {
    for (const process of started.reverse()) await process.stop()
    await organisation.close()
  }
}

async function startContenders(
  organisation: Organisation,
  load: string,
  started: LabProcess[],
): Promise<readonly Contender[]> {
  const { lab, folder, proxy } = organisation
  await admit(organisation)
  const beside = await openWays(lab)
  started.push(
    await startProcess({
      argv: [...lab.inTargets, load, 'serve', '0.0.0.0', String(LOAD_PORT)],
      logFile: join(folder, 'load.log'),
      readyWhen: /ready/,
    }),
  )
  const peer = (name: string): PeerOptions => {
    mkdirSync(join(folder, name), { mode: 0o700 })
    return { lab, folder: join(folder, name), port: LOAD_PORT, beside, started }
  }
  const at = { port: LOAD_PORT, inside: lab.inLaptop }
  const ours = { ...at, host: lab.target, processes: [organisation.gateway(), organisation.daemon] }
  return [
    { ...at, name: 'direct', host: beside.target(2), processes: [] },
    { ...ours, name: TRANSPARENT },
    { ...ours, name: PROXY, socks: `${proxy.host}:${proxy.port}` },
    await startRedsocks(peer('redsocks')),
    await startSshuttle(peer('sshuttle')),
  ]
}

/** Enrols somebody who may use the target, and waits until traffic is taken. */
async function admit(organisation: Organisation): Promise<void> {
  const { lab, people, policyInput, zt } = organisation
  const [person] = people
  if (person === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, person)
  const target = `${lab.target}:${LOAD_PORT}`
  const extraApplications = `    - name: load
      destinations: ["${target}", "${target}/udp"]
      policies: [{ name: all, decision: allow, include: [{ everyone: true }] }]
`
  await organisation.applyPolicy(demoPolicy({ ...policyInput, extraApplications }))
  for (let isOn = false; !isOn; ) {
    const { stdout } = await run([...zt, 'status', '--json'])
    const { transparent } = JSON.parse(stdout) as { transparent?: { state: string } }
    if (transparent?.state === 'refused') throw new Error(`not transparent: ${stdout}`)
    isOn = transparent?.state === 'on'
  }
}

async function measureConnections(
  contenders: readonly Contender[],
  load: string,
  { rounds, mib, flows }: Sizes,
  log: (line: string) => void,
): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const way of ['up', 'down'] as const) {
    const took = await interleave(contenders, rounds, (contender) =>
      once(load, contender, ['bulk', way, String(mib), '1']),
    )
    const figures = figuresOf(took, ({ seconds }) => mib / seconds)
    rows.push({ work: `one stream ${way}`, unit: 'MiB/s', figures })
    log(`one stream ${way}: done`)
  }
  for (const contender of contenders) {
    if (contender.name.startsWith('zt')) await once(load, contender, ['flows', WARM_UP_FLOWS, '8'])
  }
  const took = await interleave(contenders, rounds, (contender) =>
    once(load, contender, ['flows', String(flows), '8']),
  )
  log('new flows: done')
  const figures = figuresOf(took, ({ seconds }) => flows / seconds)
  return [...rows, { work: 'new flows', unit: '1/s', figures }]
}

/** Neither redsocks nor sshuttle carries datagrams to anywhere. */
async function measureDatagrams(
  contenders: readonly Contender[],
  load: string,
  { rounds, rates, seconds }: Sizes,
  log: (line: string) => void,
): Promise<readonly Row[]> {
  const able = contenders.filter(({ name }) => name === 'direct' || name.startsWith('zt'))
  const rows: Row[] = []
  for (const rate of rates) {
    const came = await interleave(able, rounds, (contender) =>
      datagrams(load, contender, [rate, seconds, DATAGRAM_OCTETS]),
    )
    rows.push(
      {
        work: `UDP, ${rate} offered a second: came back`,
        unit: '1/s',
        figures: figuresOf(came, ({ back }) => back / seconds),
      },
      {
        work: `UDP, ${rate} offered a second: lost`,
        unit: '%',
        figures: figuresOf(came, ({ sent, back }) => (100 * (sent - back)) / sent),
      },
    )
    log(`UDP at ${rate}: done`)
  }
  return rows
}

async function datagrams(
  load: string,
  { name, inside = [], host, port, socks }: Contender,
  work: readonly number[],
): Promise<{ readonly sent: number; readonly back: number }> {
  const argv = [...inside, load, 'udp', host, String(port), ...work.map(String)]
  const done = await run(argv, socks === undefined ? {} : { env: { LOAD_SOCKS: socks } })
  const [sent = Number.NaN, back = Number.NaN] = done.stdout.split(' ').map(Number)
  if (done.code !== 0 || !(back > 0)) throw new Error(`${name}: no datagrams: ${done.stderr}`)
  return { sent, back }
}

/** Bars of the design. */
function bars(rows: readonly Row[]): Report['bars'] {
  const bar = (work: string, least: number): Report['bars'][number] => {
    const figures = rows.find((row) => row.work === work)?.figures
    const figure = pairedRatio(figures?.[TRANSPARENT] ?? [], figures?.[PROXY] ?? [])
    return { name: `${work}, transparent × proxy`, figure, bar: least, sense: 'at_least' }
  }
  return [bar('one stream up', 0.8), bar('one stream down', 0.8), bar('new flows', 0.9)]
}
