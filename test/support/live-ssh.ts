/** An SSH session that is going on through a gateway, driven by its client's input. */
import type { ChildProcess } from 'node:child_process'
import type { ExecutionContext } from 'ava'
import type { LiveSession } from '../../gateway/live/live-session.ts'
import { createLiveSessions } from '../../gateway/live/live-sessions.ts'
import type { GatewayOptions } from './ssh-gateway.ts'
import { type SshPair, startSshPair } from './ssh-pair.ts'

export type LiveSsh = {
  readonly pair: SshPair
  readonly client: ChildProcess
  /** Set as soon as the client has printed something. */
  readonly session: LiveSession
  /** What the client printed so far. */
  printed(): string
  /** What it complained of. */
  complained(): string
  /** Resolves when the client has printed the text. */
  prints(text: string): Promise<void>
  /** The same of what it complains of. */
  complains(text: string): Promise<void>
  type(text: string): void
  /** Resolves with the exit code. */
  readonly closed: Promise<number | null>
}

/** Starts `cat` at the target, which repeats what is typed, and waits until it does. */
export async function startLiveSsh(
  t: ExecutionContext,
  options: Partial<GatewayOptions> = {},
  command = 'echo up; cat',
): Promise<LiveSsh> {
  const live = createLiveSessions()
  const pair = await startSshPair([], { ...options, deps: { live, ...options.deps } })
  t.teardown(() => pair.stop())
  const client = pair.proxied.start(['target', command])
  const started = heard(client)
  await started.prints('up')
  const [session] = live.list()
  if (session === undefined) throw new Error('no session goes on')
  return { pair, session, ...started }
}

/** What a client says, as it comes. */
export function heard(client: ChildProcess) {
  const texts = { out: '', err: '' }
  const waiting = new Set<() => void>()
  const tell = () => {
    for (const look of waiting) look()
  }
  client.stdin?.on('error', () => {})
  client.stdout?.on('data', (chunk) => {
    texts.out += String(chunk)
    tell()
  })
  client.stderr?.on('data', (chunk) => {
    texts.err += String(chunk)
    tell()
  })
  const closed = new Promise<number | null>((resolve) => client.once('close', resolve))
  const says = (stream: keyof typeof texts, text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!texts[stream].includes(text)) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
      void closed.then(() => reject(new Error(`ended without "${text}": ${texts.err}`)))
    })
  return {
    client,
    closed,
    prints: (text: string) => says('out', text),
    complains: (text: string) => says('err', text),
    printed: () => texts.out,
    complained: () => texts.err,
    type: (text: string) => void client.stdin?.write(text),
  }
}
