/**
 * `scripts/bench dns`: the daemon's resolver against dnsmasq on the same names, asked by dnsperf, and what either adds to
 * names that are not ours. Over loopback.
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LabProcess, run, startProcess } from '../lab/child-process.ts'
import type { Report, Row } from './report.ts'
import { figuresOf, interleave } from './rounds.ts'
import { median, percentile, type Series } from './statistics.ts'

type Sizes = { readonly rounds: number; readonly seconds: number }
const FULL: Sizes = { rounds: 5, seconds: 10 }
const QUICK: Sizes = { rounds: 3, seconds: 3 }

const OURS = 'zt'
const DIRECT = 'direct'
const PORTS = { zt: 5301, dnsmasq: 5302, upstream: 5303 }
const NAMES = 1000
/** Questions a second at which latency is looked at: below what any contender manages, above what a laptop asks. */
const CALM_RATE = 1000

type Server = { readonly name: string; readonly port: number }
const LOCAL: readonly Server[] = [
  { name: OURS, port: PORTS.zt },
  { name: 'dnsmasq', port: PORTS.dnsmasq },
]
const ALL: readonly Server[] = [...LOCAL, { name: DIRECT, port: PORTS.upstream }]

/** Measures. @throws {Error} when a server does not start, or loses questions. */
export async function benchDns(quick: boolean, log: (line: string) => void): Promise<Report> {
  const sizes = quick ? QUICK : FULL
  const folder = mkdtempSync(join(tmpdir(), 'zt-bench-dns-'))
  const started: LabProcess[] = []
  try {
    const host = `127.${randomInt(64, 128)}.${randomInt(256)}.${randomInt(1, 255)}`
    for (const start of [startUpstream, startForwarder, startOurs]) {
      started.push(await start(folder, host))
    }
    const rows = await measure(folder, host, sizes, log)
    return {
      title: 'DNS',
      method: `dnsperf over loopback, medians of ${sizes.rounds} interleaved rounds of ${sizes.seconds} s, ${NAMES} names of each kind; throughput with 100 questions under way, latency at ${CALM_RATE} questions a second. zt answers private names by synthetic addresses, after a gateway said once in 30 s that they exist; dnsmasq from its configuration, its cache off. Upstream is another dnsmasq. Node ${process.version}.`,
      rows,
      bars: bars(rows),
    }
  } finally {
    for (const process of started.reverse()) await process.stop()
    rmSync(folder, { recursive: true })
  }
}

const startUpstream = (folder: string, host: string): Promise<LabProcess> =>
  startDnsmasq(folder, host, PORTS.upstream, ['--address=/example.org/192.0.2.1'])

const startForwarder = (folder: string, host: string): Promise<LabProcess> =>
  startDnsmasq(folder, host, PORTS.dnsmasq, [
    '--address=/corp.internal/10.1.2.3',
    `--server=${host}#${PORTS.upstream}`,
  ])

function startDnsmasq(
  folder: string,
  host: string,
  port: number,
  records: readonly string[],
): Promise<LabProcess> {
  const own = ['--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--user=root']
  const listen = [`--port=${port}`, `--listen-address=${host}`, '--bind-interfaces']
  // By default 150 questions may be under way.
  const limits = ['--cache-size=0', '--dns-forward-max=1000']
  return startProcess({
    argv: ['dnsmasq', ...own, ...listen, ...limits, '--log-facility=-', ...records],
    logFile: join(folder, `dnsmasq-${port}.log`),
    readyWhen: /started/,
  })
}

function startOurs(folder: string, host: string): Promise<LabProcess> {
  const program = join(import.meta.dirname, 'dns-resolver-process.js')
  return startProcess({
    argv: [process.execPath, program, host, String(PORTS.zt), String(PORTS.upstream)],
    logFile: join(folder, 'resolver.log'),
    readyWhen: /^ready/,
  })
}

async function measure(
  folder: string,
  host: string,
  { rounds, seconds }: Sizes,
  log: (line: string) => void,
): Promise<readonly Row[]> {
  const kinds = [
    { kind: 'private names', zone: 'corp.internal', servers: LOCAL },
    { kind: 'other names', zone: 'example.org', servers: ALL },
  ]
  const rows: Row[] = []
  for (const { kind, zone, servers } of kinds) {
    const file = join(folder, zone)
    writeFileSync(file, Array.from({ length: NAMES }, (_, at) => `h${at}.${zone} A\n`).join(''))
    const ask = (...more: readonly string[]) => ({
      of: ({ port }: Server) => dnsperf([...more, '-s', host, '-p', String(port), '-d', file]),
    })
    const length = ['-l', String(seconds)]
    for (const server of servers) await ask('-n', '1', '-q', '20').of(server)
    const full = await interleave(servers, rounds, ask(...length, '-c', '8', '-q', '100').of)
    const calm = await interleave(servers, rounds, ask(...length, '-Q', String(CALM_RATE), '-v').of)
    const latency = (share: number) =>
      figuresOf(calm, ({ latenciesUs }) => percentile(latenciesUs, share))
    rows.push(
      { work: kind, unit: '1/s', figures: figuresOf(full, ({ perSecond }) => perSecond) },
      { work: `${kind}, p50`, unit: 'µs', figures: latency(0.5) },
      { work: `${kind}, p99`, unit: 'µs', figures: latency(0.99) },
    )
    log(`${kind}: done`)
  }
  return rows
}

type Asked = { readonly perSecond: number; readonly latenciesUs: Series }

/** A server that loses more than one question in a thousand is not measured by those it answers. */
const LOST_SHARE = 0.001

async function dnsperf(options: readonly string[]): Promise<Asked> {
  const { code, stdout, stderr } = await run(['dnsperf', '-f', 'inet', '-e', ...options], {
    timeoutMs: 120_000,
  })
  const numberAfter = (label: RegExp) => Number(label.exec(stdout)?.[1] ?? Number.NaN)
  const sent = numberAfter(/Queries sent:\s+(\d+)/)
  const answered = numberAfter(/NOERROR (\d+)/)
  if (code !== 0 || !(answered >= sent * (1 - LOST_SHARE))) {
    throw new Error(`dnsperf ${options.join(' ')}: ${answered} of ${sent} answered. ${stderr}`)
  }
  return {
    perSecond: numberAfter(/Queries per second:\s+([\d.]+)/),
    // With -v, one line a question: "> NOERROR name type seconds".
    latenciesUs: [...stdout.matchAll(/^> NOERROR \S+ \S+ ([\d.]+)$/gm)].map(
      ([, seconds]) => Number(seconds) * 1_000_000,
    ),
  }
}

/** Bars of the design. */
function bars(rows: readonly Row[]): Report['bars'] {
  const series = (work: string, server: string): Series =>
    rows.find((row) => row.work === work)?.figures[server] ?? []
  const direct = series('other names, p50', DIRECT)
  const addedMs = series('other names, p50', OURS).map(
    (us, round) => (us - (direct[round] ?? Number.NaN)) / 1000,
  )
  return [
    {
      name: 'private names a second',
      figure: median(series('private names', OURS)),
      bar: 10_000,
      sense: 'at_least',
    },
    {
      name: 'private names, p99 in ms',
      figure: median(series('private names, p99', OURS)) / 1000,
      bar: 2,
      sense: 'at_most',
    },
    {
      name: 'added to other names, p50 in ms',
      figure: median(addedMs),
      bar: 0.3,
      sense: 'at_most',
    },
  ]
}
