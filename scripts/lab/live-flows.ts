/**
 * Live flows that stream both ways all the time, and tell when their last octet was seen.
 */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { SocksClient } from 'socks'
import { type LabProcess, run, startProcess } from './child-process.ts'
import type { Organisation } from './organisation.ts'
import { hostOf, NAMES } from './policy-texts.ts'
import { program } from './programs.ts'

export const STREAM_PORT = 7007
const PIECE = Buffer.alloc(512, 'a')
const EVERY_MS = 5
/** Longer than any run of a benchmark. */
const WATCH_MS = 120_000

/** Where the last octet was seen, Unix milliseconds. */
export type Ended = { readonly program: number; readonly target?: number }

export type StreamingFlow = {
  readonly ended: Promise<Ended>
  /** Ends it from the program's side. */
  stop(): void
}

/** The streaming target, in the targets' namespace. */
export function startStreamTarget({ lab }: Organisation, folder: string): Promise<LabProcess> {
  const argv = program('scripts/lab/stream-target-process.js')
  return startProcess({
    argv: [...lab.inTargets, ...argv, lab.target, String(STREAM_PORT)],
    logFile: join(folder, 'target.log'),
    readyWhen: /^ready/,
  })
}

type Wish = { readonly count: number; readonly target: LabProcess; readonly folder: string }

/** Opens `count` flows, the first by ssh. @throws {Error} when one is not carried. */
export async function openFlows(
  organisation: Organisation,
  { count, target, folder }: Wish,
): Promise<readonly StreamingFlow[]> {
  const flows = [await openSsh(organisation, folder)]
  while (flows.length < count) flows.push(await openStream(organisation, target))
  return flows
}

async function openStream(
  { lab, proxy }: Organisation,
  target: LabProcess,
): Promise<StreamingFlow> {
  const { socket } = await SocksClient.createConnection({
    command: 'connect',
    proxy: { ...proxy, type: 5 },
    destination: { host: hostOf(lab, NAMES.denied), port: STREAM_PORT },
  })
  socket.on('error', () => undefined)
  const label = randomUUID()
  const atTarget = target.nextLine(new RegExp(`"${label}"`), WATCH_MS)
  const atProgram = lastByteOf(socket)
  socket.write(label)
  await once(socket, 'data')
  const timer = setInterval(() => socket.write(PIECE), EVERY_MS)
  const ended = async (): Promise<Ended> => {
    const program = await atProgram
    clearInterval(timer)
    const { lastAtMs } = JSON.parse(await atTarget) as { lastAtMs: number }
    return { program, target: lastAtMs }
  }
  return { ended: ended(), stop: () => socket.destroy() }
}

/** A command that writes all the time; the target's side of it cannot be watched without changing sshd. */
async function openSsh(organisation: Organisation, folder: string): Promise<StreamingFlow> {
  const { zt, policyInput } = organisation
  const config = join(folder, 'ssh.conf')
  const printed = await run([...zt, 'ssh-config'], { env: { XDG_CONFIG_HOME: folder } })
  writeFileSync(config, printed.stdout)
  const options = ['-F', config, '-p', String(policyInput.sshPort), '-o', 'BatchMode=yes']
  const user = `${policyInput.unixUser}@${NAMES.database}`
  const busy = 'while :; do echo zzzz; sleep 0.005; done'
  const child = spawn('ssh', [...options, user, busy], { stdio: ['ignore', 'pipe', 'ignore'] })
  const last = lastByteOf(child.stdout)
  await Promise.race([once(child.stdout, 'data'), failed(child.stdout)])
  return { ended: last.then((program) => ({ program })), stop: () => child.kill() }
}

async function failed(stdout: Readable): Promise<never> {
  await once(stdout, 'close')
  throw new Error('ssh ended before it was cut')
}

/** Settles when the stream is closed. */
function lastByteOf(stream: Readable): Promise<number> {
  let lastAtMs = Date.now()
  stream.on('data', () => {
    lastAtMs = Date.now()
  })
  return new Promise((resolve) => stream.once('close', () => resolve(lastAtMs)))
}
