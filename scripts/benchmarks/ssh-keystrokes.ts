/**
 * How long a key takes to come back from the target's terminal, over a session that is open.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Row } from './report.ts'
import { figuresOf, interleave } from './rounds.ts'
import type { Way } from './ssh-ways.ts'
import { percentile } from './statistics.ts'

export type KeySizes = { readonly rounds: number; readonly keys: number }

/** Spaced like fast typing, so that no key rides on the one before. */
const BETWEEN_KEYS_MS = 20
/** One echo, or the login, may take so long. */
const PATIENCE_MS = 20_000

/** p50 of each round, p95 of all keys. @throws {Error} when a key does not come back. */
export async function measureKeystrokes(
  ways: readonly Way[],
  { rounds, keys }: KeySizes,
): Promise<readonly Row[]> {
  const echoes = await interleave(ways, rounds, (way) => typeKeys(way, keys))
  const all = [...echoes].map(([name, series]) => [name, [percentile(series.flat(), 0.95)]])
  return [
    {
      work: 'keystroke echo, p50',
      unit: 'ms',
      figures: figuresOf(echoes, (series) => percentile(series, 0.5)),
    },
    { work: 'keystroke echo, p95', unit: 'ms', figures: Object.fromEntries(all) },
  ]
}

/** The echo is the terminal's own: `cat` says nothing before the end of a line, which never comes. */
async function typeKeys({ configFile, host }: Way, keys: number): Promise<readonly number[]> {
  const argv = ['-tt', '-F', configFile, host, 'echo up; exec cat']
  const ssh = spawn('ssh', argv, { stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = once(ssh, 'exit')
  try {
    await said(ssh.stdout, 'up\r\n')
    const echoesMs: number[] = []
    for (let key = 0; key < keys; key++) {
      await sleep(BETWEEN_KEYS_MS)
      const pressedAtMs = performance.now()
      ssh.stdin.write('k')
      await said(ssh.stdout, 'k')
      echoesMs.push(performance.now() - pressedAtMs)
    }
    return echoesMs
  } finally {
    ssh.kill()
    await ended
  }
}

async function said(stdout: Readable, text: string): Promise<void> {
  let heard = ''
  const signal = AbortSignal.timeout(PATIENCE_MS)
  while (heard.length < text.length) {
    const [chunk] = (await once(stdout, 'data', { signal })) as [Buffer]
    heard += chunk.toString('latin1')
  }
  if (heard !== text) throw new Error(`the terminal said ${JSON.stringify(heard)}`)
}
