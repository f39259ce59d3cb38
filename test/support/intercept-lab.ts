/** A client namespace with the interception engine in it, and a server namespace: one veth pair between them. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { ExecutionContext } from 'ava'
import type { InterceptCounters } from '../../daemon/intercept/intercept-counters.ts'
import { type ProgramResult, runProgram } from './run-program.ts'

export type InterceptLab = {
  /** Runs an unmodified program where `zt0` is. */
  client(
    command: string | readonly string[],
    input?: string,
    limitMs?: number,
  ): Promise<ProgramResult>
  /** Starts one that may outlast the test. */
  begin(argv: readonly string[]): ChildProcessWithoutNullStreams
  /** Starts the engine, once; waits until it is ready. */
  start(mode: 'redirect' | 'tun-nat', mtu?: number): Promise<Engine>
}

export type Engine = {
  readonly pid: number
  readonly port: number | undefined
  readonly warning: string | undefined
  counters(): Promise<InterceptCounters & { readonly memory: number }>
  kill(): Promise<void>
  /** Closes it as a daemon that stops does. @returns the exit code. */
  end(): Promise<number | null>
}

let made = 0

/** Needs root; what it makes is removed with the test. */
export async function interceptLab(t: ExecutionContext): Promise<InterceptLab> {
  const number = `${process.pid}-${made++}`
  const [c, s] = [`zti-${number}-c`, `zti-${number}-s`]
  t.teardown(async () => {
    for (const name of [c, s]) await runProgram(['ip', 'netns', 'del', name])
  })
  for (const command of [
    `netns add ${c}`,
    `netns add ${s}`,
    `-n ${c} link add v0 type veth peer name v1 netns ${s}`,
    `-n ${c} addr add 10.200.0.2/24 dev v0`,
    `-n ${s} addr add 10.200.0.1/24 dev v1`,
    `-n ${c} addr add fd00:200::2/64 dev v0 nodad`,
    `-n ${s} addr add fd00:200::1/64 dev v1 nodad`,
    ...[c, s].map((name) => `-n ${name} link set lo up`),
    `-n ${c} link set v0 up`,
    `-n ${s} link set v1 up`,
  ]) {
    const done = await runProgram(['ip', ...command.split(' ')])
    if (done.code !== 0) throw new Error(`ip ${command}: ${done.stderr}`)
  }
  await startIn(t, s, ['intercept-server-process'])
  return {
    client: (command, input, limitMs) => {
      const argv = typeof command === 'string' ? command.split(' ') : command
      return runProgram(['ip', 'netns', 'exec', c, ...argv], input, limitMs)
    },
    begin: (argv) => {
      const child = spawn('ip', ['netns', 'exec', c, ...argv], { stdio: 'pipe' })
      t.teardown(() => child.kill('SIGKILL'))
      return child
    },
    start: async (mode, mtu = 65_535) => {
      const { child, lines, ready } = await startIn(t, c, ['intercept-process', mode, String(mtu)])
      const { port, warning } = JSON.parse(ready.slice('ready '.length))
      return {
        ...{ pid: child.pid ?? -1, port, warning },
        counters: async () => {
          child.stdin.write('\n')
          const [line] = await once(lines, 'line')
          return JSON.parse(String(line))
        },
        end: async () => {
          child.stdin.end()
          const [code] = await once(child, 'exit')
          return code
        },
        kill: async () => {
          child.kill('SIGKILL')
          if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
        },
      }
    },
  }
}

async function startIn(t: ExecutionContext, namespace: string, program: readonly string[]) {
  const [name, ...args] = program
  const path = new URL(`./${name}.js`, import.meta.url).pathname
  const argv = ['netns', 'exec', namespace, process.execPath, path, ...args]
  const child: ChildProcessWithoutNullStreams = spawn('ip', argv, { stdio: 'pipe' })
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  child.stdin.on('error', () => undefined)
  t.teardown(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  const lines = createInterface({ input: child.stdout })
  const first = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => undefined)])
  if (first === undefined) throw new Error(`${name}: ${errors}`)
  return { child, lines, ready: String(first[0]) }
}
