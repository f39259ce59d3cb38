/** Runs real programs in tests. */
import { spawn } from 'node:child_process'

/** What a program did. */
export type ProgramResult = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Only ends what hangs: a busy machine takes many seconds to start a program of Node. */
const HANG_LIMIT_MS = 60_000

/** Runs a program to its end; one that hangs is killed after `limitMs` and its code is null. */
export async function runProgram(
  argv: readonly string[],
  input: string | Uint8Array = '',
  limitMs = HANG_LIMIT_MS,
  environment: Readonly<Record<string, string>> = {},
): Promise<ProgramResult> {
  const [program = '', ...args] = argv
  const env = { ...process.env, ...environment }
  const limits = { timeout: limitMs, killSignal: 'SIGKILL' } as const
  const child = spawn(program, args, { stdio: 'pipe', env, ...limits })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  // A program may end without reading its input.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return {
    code,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
  }
}

/** argv of the same program as another user of this machine; tests run as root. */
export function asNobody(argv: readonly string[]): string[] {
  return ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', ...argv]
}

/**
 * Runs a program on a pseudo-terminal of its own, and interrupts it once it has shown a text.
 * @returns what the terminal got, and the exit code.
 */
export async function asTerminal(
  argv: readonly string[],
  { interruptAfter }: { readonly interruptAfter: string },
): Promise<{ readonly text: string; readonly code: number | null }> {
  // Without exec, a shell of script(1) may stay between, and die of the same ^C: dash does, and bash does not.
  const command = ['exec', ...argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`)].join(' ')
  // script(1) passes what it reads to the terminal, where ^C becomes SIGINT.
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: HANG_LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  let text = ''
  let interrupted = false
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (interrupted || !text.includes(interruptAfter)) return
    interrupted = true
    child.stdin.write('\u0003')
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { text, code }
}
