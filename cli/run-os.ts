/** Runs a program in namespaces of its own: unshare(1) makes them, zt-daemon serves the program inside. */
import { execFile, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { promisify } from 'node:util'
import { NAMESPACE_OBSTACLES, namespaceObstacle } from '#lib/namespace/obstacle'
import { namespaceSettings } from '#lib/namespace/settings-os'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, EXIT } from './cli-io.ts'

const NAMESPACES = ['--net', '--mount']
/** A user stays that user; the rights over the new namespaces stay with zt-daemon. */
const OF_USER = ['--map-current-user', '--keep-caps', ...NAMESPACES]
/** The terminal sends these to the program as well. */
const OF_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']
const PASSED: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']

export type InsideOptions = { readonly controlPath: string; readonly onlyPrivate: boolean }

/** Runs a program to its end on this terminal. @returns its exit code, as a shell would say it. */
export type RunInside = (
  argv: readonly string[],
  options: InsideOptions,
) => Promise<Result<number, CliFailure>>

/** @param daemon argv of zt-daemon. */
export function runnerOf(daemon: readonly string[]): RunInside {
  // Root's rights would not reach the control socket of another user from a user namespace, and need none.
  const namespaces = process.geteuid?.() === 0 ? NAMESPACES : OF_USER
  return async (argv, { controlPath, onlyPrivate }) => {
    const refusal = await whyNot(namespaces)
    if (refusal !== undefined) return err(refusal)
    const options = onlyPrivate ? ['--only-private'] : []
    const inside = [...daemon, 'inside', controlPath, ...options, '--', ...argv]
    return ok(await runToEnd([...namespaces, ...inside]))
  }
}

/** Tries the namespaces alone: what unshare says later cannot be told from what the program does. */
async function whyNot(namespaces: readonly string[]): Promise<CliFailure | undefined> {
  try {
    await promisify(execFile)('unshare', [...namespaces, 'true'])
    return undefined
  } catch (failure) {
    const { code, stderr = '' } = failure as NodeJS.ErrnoException & { readonly stderr?: string }
    if (code === 'ENOENT')
      return failureOf('unshare_absent', 'There is no program "unshare". Install util-linux.')
    const obstacle = namespaceObstacle(await namespaceSettings())
    if (obstacle !== undefined) return failureOf(obstacle, NAMESPACE_OBSTACLES[obstacle].join(' '))
    const said = stderr.trim().split('\n')[0] ?? ''
    return failureOf(
      'namespace_refused',
      `No namespaces can be made here: ${said}. In a container, allow unshare(2).`,
    )
  }
}

function failureOf(code: string, message: string): CliFailure {
  return { code, message, exitCode: EXIT.notRun }
}

/** Descriptor 3 ends with us: the inside looks at it. */
function runToEnd(args: readonly string[]): Promise<number> {
  const child = spawn('unshare', args, { stdio: ['inherit', 'inherit', 'inherit', 'pipe'] })
  for (const signal of OF_TERMINAL) process.on(signal, () => undefined)
  for (const signal of PASSED) process.on(signal, () => void child.kill(signal))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) =>
      resolve(code ?? 128 + constants.signals[signal ?? 'SIGTERM']),
    )
  })
}
