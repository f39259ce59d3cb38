/**
 * `scripts/bench ssh`: the SSH hop alone over loopback, and the whole path through daemon and tunnel, beside direct OpenSSH
 * and `ssh -J`, all with the same cipher.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type LabProcess, must } from '../lab/child-process.ts'
import { startOrganisation } from '../lab/organisation.ts'
import type { Report } from './report.ts'
import { sshBars, WAY } from './ssh-bars.ts'
import { idleMemory } from './ssh-idle-sessions.ts'
import { type KeySizes, measureKeystrokes } from './ssh-keystrokes.ts'
import { type LoginSizes, measureLogins } from './ssh-logins.ts'
import { measureTransfers, type TransferSizes } from './ssh-transfers.ts'
import { CIPHER, describeWay, startWays } from './ssh-ways.ts'

type Sizes = {
  readonly transfers: TransferSizes
  /** A turn is `seconds` long; each way has one in every round. */
  readonly logins: LoginSizes
  readonly keys: KeySizes
  readonly idle: number
}
/** Under 25 minutes on an idle machine, 18 of them logins. */
const FULL: Sizes = {
  transfers: { rounds: 5, mib: 512 },
  logins: { rounds: 6, perSecond: 10, seconds: 30 },
  keys: { rounds: 3, keys: 100 },
  idle: 40,
}
/** Under 2 minutes on an idle machine. */
const QUICK: Sizes = {
  transfers: { rounds: 1, mib: 64 },
  logins: { rounds: 1, perSecond: 10, seconds: 2 },
  keys: { rounds: 1, keys: 50 },
  idle: 10,
}

/** Bulk data lives in memory, so that no disk is measured. */
const MEMORY_FOLDER = '/dev/shm'

/** Runs the comparison. @throws {Error} when a way cannot be measured: no ratio without its peer. */
export async function benchSsh(quick: boolean, log: (line: string) => void): Promise<Report> {
  const sizes = quick ? QUICK : FULL
  const organisation = await startOrganisation('namespaces')
  const folder = mkdtempSync(join(MEMORY_FOLDER, 'zt-bench-'))
  const started: LabProcess[] = []
  try {
    const data = join(folder, 'data')
    await must(['sh', '-c', `head -c ${sizes.transfers.mib}M /dev/urandom > ${data}`])
    const ways = await startWays(organisation, folder, started)
    const descriptions: string[] = []
    for (const way of ways) descriptions.push(await describeWay(way))
    // Before the bulk work: what that leaves in the heap would hide what a session costs.
    const idleKib = await idleMemory(ways, sizes.idle)
    log('idle sessions: done')
    const bulkWays = ways.filter(({ loginsOnly }) => loginsOnly !== true)
    const transfers = await measureTransfers(bulkWays, data, sizes.transfers, log)
    const logins = await measureLogins(ways, sizes.logins)
    log('logins: done')
    const rows = [...transfers, ...logins, ...(await measureKeystrokes(bulkWays, sizes.keys))]
    const idle = { work: 'heap and buffers of an idle session', unit: 'KiB' }
    return {
      title: 'SSH',
      method: method(sizes, descriptions),
      rows: [...rows, { ...idle, figures: { [WAY.hop]: [idleKib] } }],
      bars: sshBars(rows, idleKib),
    }
  } finally {
    for (const process of started.reverse()) await process.stop()
    await organisation.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function method({ transfers, logins, keys }: Sizes, ways: readonly string[]): string {
  return `Interleaved rounds, Node ${process.version}; each way is OpenSSH's client with ${CIPHER}. All over loopback but the last, which goes through three namespaces. CPU is the hop's own.

- Transfers: ${transfers.mib} MiB by \`ssh host cat\` and by an sftp batch; medians of ${transfers.rounds} rounds.
- \`ssh host true\`: ${logins.perSecond} arrivals a second by the clock, none waiting for another, timed from the moment it was due; ${logins.rounds} turns of ${logins.seconds} s a way. p50 is the median of the turns, p99 that of all arrivals.
- Keystrokes: ${keys.rounds} × ${keys.keys} keys in a terminal at the target, until each one's echo is back.
- Client path and agreed key exchange: ${ways.join('; ')}.`
}
