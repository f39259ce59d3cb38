/** `zt-gateway` as a process of its own, with an organisation in a fresh folder and free ports. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { type ProgramResult, runProgram } from './run-program.ts'

const MAIN = fileURLToPath(new URL('../../gateway/main.js', import.meta.url))

/** Runs one command to its end. */
export function gatewayCommand(...args: readonly string[]): Promise<ProgramResult> {
  return runProgram([process.execPath, MAIN, ...args])
}

/** A fresh folder that goes with the test. */
export function freshFolder(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'zt-main-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** The text of a configuration that listens on free ports. @param policy YAML below `policy:`, indented by 2. */
export function configText(policy: string, gateway = ''): string {
  const listener = (name: string) =>
    `  ${name}: { listen: "127.0.0.1:0", url: "https://${name}.example.com" }`
  return `gateway:
  organisation: Example
  data: ./data
${['tunnel', 'login', 'admin'].map(listener).join('\n')}
  identity_providers: []
${gateway}policy:
${policy}
`
}

export const BLOCK_PUBLIC = '  public_default: block'
export const ALLOW_PUBLIC = '  public_default: allow'

export type Organisation = {
  readonly dir: string
  readonly config: string
  readonly adminSecret: string
  readonly caSha256: string
  /** Overwrites the configuration. */
  write(text: string): void
}

/** Runs `init`, then puts a configuration with free ports in place of the sample. */
export async function initOrganisation(t: ExecutionContext): Promise<Organisation> {
  const dir = freshFolder(t)
  const made = await gatewayCommand(
    'init',
    '--data',
    join(dir, 'data'),
    '--name',
    'Example',
    '--json',
  )
  if (made.code !== 0) throw new Error(made.stderr)
  const { adminSecret, caSha256, configFile } = JSON.parse(made.stdout) as {
    adminSecret: string
    caSha256: string
    configFile: string
  }
  const write = (text: string): void => writeFileSync(configFile, text)
  write(configText(BLOCK_PUBLIC))
  return { dir, config: configFile, adminSecret, caSha256, write }
}

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string }

export type GatewayProcess = {
  readonly child: ChildProcess
  /** Waits for the next line whose message matches; lines are seen once, in order. */
  line(message: RegExp): Promise<LogLine>
  /** Every line so far, as text. */
  readonly log: readonly string[]
  /** Waits for the end. */
  exited(): Promise<{ readonly code: number | null; readonly signal: string | null }>
}

/** Starts `run`. */
export function startGatewayProcess(t: ExecutionContext, config: string): GatewayProcess {
  const argv = [MAIN, 'run', '--config', config]
  return watchProcess(t, spawn(process.execPath, argv, { stdio: STDERR }))
}

/** Only the log is read. */
export const STDERR: ['ignore', 'inherit', 'pipe'] = ['ignore', 'inherit', 'pipe']

/** Reads the log of a process started with `STDERR`; kills it at the end of the test if it still runs. */
export function watchProcess(
  t: ExecutionContext,
  child: ChildProcessByStdio<null, null, Readable>,
): GatewayProcess {
  t.teardown(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  const log: string[] = []
  const lines = createInterface({ input: child.stderr })[Symbol.asyncIterator]()
  return {
    child,
    log,
    async line(message) {
      for (;;) {
        const next = await lines.next()
        if (next.done) throw new Error(`the log ended before ${message}:\n${log.join('\n')}`)
        log.push(next.value)
        const line = JSON.parse(next.value) as LogLine
        if (message.test(line.msg)) return line
      }
    },
    async exited() {
      const [code, signal] = await exit
      return { code, signal }
    },
  }
}
