/**
 * Bulk data over each way, by `ssh host cat` and by OpenSSH's sftp.
 */
import { run } from '../lab/child-process.ts'
import { cpuSeconds } from './process-cost.ts'
import type { Row } from './report.ts'
import { figuresOf, interleave } from './rounds.ts'
import { forgetRecordings, type Way } from './ssh-ways.ts'

const MEBIBYTE = 1024 * 1024

export type TransferSizes = { readonly rounds: number; readonly mib: number }

/** Shell commands by work; `data` is the same file on both sides. */
const COMMANDS: Readonly<Record<string, (way: Way, data: string) => string>> = {
  get: (way, data) => `ssh -F ${way.configFile} ${way.host} 'cat ${data}' > /dev/null`,
  put: (way, data) => `ssh -F ${way.configFile} ${way.host} 'cat > /dev/null' < ${data}`,
  'sftp get': (way, data) => sftp(way, `get ${data} /dev/null`),
  'sftp put': (way, data) => sftp(way, `put ${data} /dev/null`),
}

function sftp({ configFile, host }: Way, batch: string): string {
  return `echo '${batch}' | sftp -q -b - -F ${configFile} ${host}`
}

/** Rates of each way, and CPU of its hop. @throws {Error} when one transfer fails. */
export async function measureTransfers(
  ways: readonly Way[],
  data: string,
  { rounds, mib }: TransferSizes,
  log: (line: string) => void,
): Promise<readonly Row[]> {
  const rows: Row[] = []
  const hops = ways.filter(({ hop }) => hop !== undefined).map(({ name }) => name)
  for (const [work, command] of Object.entries(COMMANDS)) {
    const results = await interleave(ways, rounds, (way) => transfer(way, command(way, data)))
    const ofHops = new Map([...results].filter(([name]) => hops.includes(name)))
    rows.push(
      { work, unit: 'MiB/s', figures: figuresOf(results, ({ seconds }) => mib / seconds) },
      {
        work: `${work}, CPU of the hop`,
        unit: 's/GB',
        figures: figuresOf(ofHops, ({ cpu }) => (cpu * 1e9) / (mib * MEBIBYTE)),
      },
    )
    log(`${work}: done`)
  }
  return rows
}

/** Seconds of one transfer, and CPU seconds of the hop. */
async function transfer(way: Way, command: string) {
  forgetRecordings(way)
  const pids = way.hop === undefined ? [] : [way.hop.pid]
  const before = cpuSeconds(pids)
  const startedAtMs = performance.now()
  const done = await run(['sh', '-c', command], { timeoutMs: 180_000 })
  if (done.code !== 0)
    throw new Error(`${way.name} could not be measured: ${command}: ${done.stderr.trim()}`)
  return { seconds: (performance.now() - startedAtMs) / 1000, cpu: cpuSeconds(pids) - before }
}
