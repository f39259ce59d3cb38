/** Holds the nft table of ours: by a child that the kernel ends with this process, and the table with the child. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { err, ok, type Result } from '#lib/result'
import { type NftTable, nftCommands, verdictOf } from './nft-table.ts'

/** A table in force. */
export interface HeldTable {
  /** Settles when it is gone, wished or not. */
  readonly gone: Promise<void>
  /** Takes it away. */
  close(): Promise<void>
}

/** `nft_absent`: the program is not there; `nft_refused`: it complained, in its words. */
export type NftRefusal = {
  readonly reason: 'nft_absent' | 'nft_refused'
  readonly detail: string
}

/** `nft` answers and ends within milliseconds. */
const TIME_LIMIT_MS = 5_000
const ENVIRONMENT = { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }

/** Makes the table, and says so once it is there. */
export async function holdNftTable(table: NftTable): Promise<Result<HeldTable, NftRefusal>> {
  const child = spawn('nft', ['-i'], { stdio: 'pipe', env: ENVIRONMENT, cwd: '/' })
  const gone = once(child, 'close').then(
    () => {},
    () => {},
  )
  // The pipe breaks when nft ends first; `gone` tells that.
  child.stdin.on('error', () => {})
  const answered = new Promise<Result<undefined, NftRefusal>>((resolve) => {
    let [listed, complaint] = ['', '']
    child.on('error', ({ message }) => resolve(err({ reason: 'nft_absent', detail: message })))
    child.stdout.on('data', (chunk: Buffer) => {
      listed += chunk.toString()
      if (!listed.endsWith('\n}\n') || !listed.includes(verdictOf(table))) return
      // A table of somebody else's with this name is printed as well, after a complaint that is read by then.
      setImmediate(() => complaint === '' && resolve(ok(undefined)))
    })
    child.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk.toString()
      // It complains in pieces, and is done when it ends.
      child.stdin.end()
    })
    child.on('close', (_code, signal) => {
      const silent = signal === 'SIGKILL' ? 'nft did not answer' : 'nft ended'
      resolve(err({ reason: 'nft_refused', detail: complaint.trim() || silent }))
    })
  })
  child.stdin.write(nftCommands(table))
  const answer = await withinLimit(child, answered)
  const close = (): Promise<void> => {
    child.stdin.end()
    return withinLimit(child, gone)
  }
  if (answer.ok) return ok({ gone, close })
  await close()
  return answer
}

/** Ends a program that takes too long. */
function withinLimit<T>(child: ChildProcess, done: Promise<T>): Promise<T> {
  const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT_MS)
  return done.finally(() => clearTimeout(timer))
}
