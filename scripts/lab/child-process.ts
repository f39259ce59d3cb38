/**
 * Processes of a lab: started with a log file, ready when they say so, ended by pid.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

/** A process that said it is ready. */
export type LabProcess = {
  readonly pid: number
  /** The line that matched `readyWhen`. */
  readonly readyLine: string
  /** The next line of either stream that matches. @throws {Error} when none comes in time, or it ends. */
  nextLine(pattern: RegExp, withinMs?: number): Promise<string>
  /** SIGTERM, then SIGKILL after `graceMs` (default 3 s); resolves when it is gone. */
  stop(graceMs?: number): Promise<void>
  signal(name: NodeJS.Signals): void
  /** Exit code, or null when a signal ended it. */
  readonly exited: Promise<number | null>
}

/** What to start. Output of both streams goes to `logFile`. */
export type LabCommand = {
  readonly argv: readonly string[]
  readonly logFile: string
  readonly readyWhen: RegExp
  readonly readyWithinMs?: number
  readonly env?: Readonly<Record<string, string>>
}

/** A machine that other work keeps busy starts a gateway in ten seconds. */
const READY_WITHIN_MS = 60_000
const GRACE_MS = 3_000

/**
 * Starts a process and waits for its ready line on stdout or stderr.
 * @throws {Error} when it ends or stays silent first; the message holds the tail of its log.
 */
export async function startProcess(command: LabCommand): Promise<LabProcess> {
  const [program, ...args] = command.argv
  if (program === undefined) throw new Error('startProcess: empty argv')
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...command.env },
  })
  const exited = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => resolve(code))
  })
  const nextLine = lineWaiter(child, exited, command)
  try {
    const readyLine = await nextLine(command.readyWhen, command.readyWithinMs)
    return { ...handle(child, exited), nextLine, readyLine }
  } catch (failure) {
    child.kill('SIGKILL')
    throw failure
  }
}

function handle(child: ChildProcess, exited: Promise<number | null>) {
  return {
    pid: child.pid ?? -1,
    exited,
    signal: (name: NodeJS.Signals) => void child.kill(name),
    stop: async (graceMs = GRACE_MS) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await exited
      clearTimeout(timer)
    },
  }
}

function lineWaiter(
  child: ChildProcess,
  exited: Promise<number | null>,
  command: LabCommand,
): LabProcess['nextLine'] {
  const log = createWriteStream(command.logFile, { flags: 'a', mode: 0o600 })
  const lines = new EventEmitter()
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      // Who waits for a line may read the file next: it stands there first.
      log.write(`${line}\n`, () => lines.emit('line', line))
    })
  }
  const program = command.argv.join(' ')
  return (pattern, withinMs = READY_WITHIN_MS) =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer)
        lines.off('line', onLine)
        act()
      }
      const fail = (what: string): void =>
        settle(() => reject(new Error(`${program}\n${what}\n${tail(command.logFile)}`)))
      const onLine = (line: string): void => {
        if (pattern.test(line)) settle(() => resolve(line))
      }
      const timer = setTimeout(() => fail(`said nothing like ${pattern} in time`), withinMs)
      lines.on('line', onLine)
      exited.then((code) => fail(`ended with ${code}`), reject)
    })
}

/** Last lines of a log, for an error message. */
export function tail(file: string, lines = 15): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  } catch {
    return '(no log)'
  }
}

/** What a finished command left behind. */
export type Finished = { readonly code: number; readonly stdout: string; readonly stderr: string }

/**
 * Runs a command to its end; never rejects for a non-zero exit code.
 * @param options.stdin text fed to it; empty by default.
 */
export async function run(
  argv: readonly string[],
  options: { timeoutMs?: number; env?: Readonly<Record<string, string>>; stdin?: string } = {},
): Promise<Finished> {
  const [program, ...args] = argv
  if (program === undefined) throw new Error('run: empty argv')
  const running = promisify(execFile)(program, args, {
    timeout: options.timeoutMs ?? 60_000,
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, ...options.env },
  })
  // A command that reads no input may be gone before it is written.
  running.child.stdin?.on('error', () => {})
  running.child.stdin?.end(options.stdin ?? '')
  try {
    return { code: 0, ...(await running) }
  } catch (failure) {
    const failed = failure as { code?: number | string; stdout?: string; stderr?: string }
    if (typeof failed.code !== 'number') {
      const text = failure instanceof Error ? failure.message : String(failure)
      return { code: 124, stdout: failed.stdout ?? '', stderr: `${failed.stderr ?? ''}${text}` }
    }
    return { code: failed.code, stdout: failed.stdout ?? '', stderr: failed.stderr ?? '' }
  }
}

/** Runs a command that has to succeed. @returns its standard output. */
export async function must(argv: readonly string[]): Promise<string> {
  const done = await run(argv)
  if (done.code !== 0)
    throw new Error(`${argv.join(' ')}\nexit ${done.code}: ${done.stderr.trim()}`)
  return done.stdout
}
