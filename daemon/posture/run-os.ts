/** Runs programs of the system to look at something: no shell, fixed paths, bounded in time and output. */
import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Where the system's own programs are: never a folder that a user may write to. */
const FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']
const TIME_LIMIT_MS = 5_000
const OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024
/** Its words are parsed: they must not be translated. */
const ENVIRONMENT = { LC_ALL: 'C', PATH: FOLDERS.join(':') }

/** What a program said; undefined when it is not installed. */
export type Said = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** How a program is run, where it is not as all others are. */
export type RunOptions = {
  readonly timeLimitMs?: number
  /** What it reads on stdin; nothing otherwise. */
  readonly input?: string
}

/** Runs a program by name. @throws {Error} when it was ended: by the signal, its time or its output. */
export async function runSystem(
  name: string,
  args: readonly string[],
  signal: AbortSignal,
  { timeLimitMs = TIME_LIMIT_MS, input = '' }: RunOptions = {},
): Promise<Said | undefined> {
  const program = await pathOf(name)
  if (program === undefined) return undefined
  try {
    const running = promisify(execFile)(program, args, {
      ...{ signal, env: ENVIRONMENT, cwd: '/', encoding: 'utf8' },
      ...{ timeout: timeLimitMs, killSignal: 'SIGKILL', maxBuffer: OUTPUT_LIMIT_BYTES },
    })
    // A program may end without reading its input.
    running.child.stdin?.on('error', () => {})
    running.child.stdin?.end(input)
    return { code: 0, ...(await running) }
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown } & Partial<Said>
    if (typeof code === 'number') return { code, stdout, stderr }
    throw error
  }
}

/** Where a program is; undefined when it is not installed. */
export async function pathOf(name: string): Promise<string | undefined> {
  for (const folder of FOLDERS) {
    const path = join(folder, name)
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  return undefined
}
