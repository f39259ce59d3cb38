/** Runs real programs in tests. */
import { spawn } from 'node:child_process'

/** What a program did. */
export type ProgramResult = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; a program that hangs is killed after 20 s and its code is null. */
export async function runProgram(
  argv: readonly string[],
  input: string | Uint8Array = '',
): Promise<ProgramResult> {
  const [program = '', ...args] = argv
  const child = spawn(program, args, { stdio: 'pipe', timeout: 20_000, killSignal: 'SIGKILL' })
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
