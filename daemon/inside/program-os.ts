/** The program inside: without the rights over its namespaces, on the terminal of whoever started it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { err, ok, type Result } from '#lib/result'
import type { InsideRefusal } from './refusal.ts'

/** What ends with us, passes our rights on to nobody: setpriv(1). */
const WITHOUT_RIGHTS = ['--inh-caps=-all', '--ambient-caps=-all', '--pdeathsig=KILL']
/** For root the kernel would give all of them back at once. */
const NOT_EVEN_ROOT = '--securebits=+noroot,+noroot_locked'
/** Signals for the program that come to us; the terminal's own go to both. */
const PASSED: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']
const TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']

/**
 * Runs it to its end.
 * @param ended kills it once aborted.
 * @returns its exit code, 128 + signal number when a signal ended it, 126 or 127 when it could not be run.
 */
export function runProgram(
  argv: readonly string[],
  { isRoot, ended }: { readonly isRoot: boolean; readonly ended: AbortSignal },
): Promise<Result<number, InsideRefusal>> {
  const args = [...WITHOUT_RIGHTS, ...(isRoot ? [NOT_EVEN_ROOT] : []), '--', ...argv]
  return new Promise((resolve) => {
    // Before it starts: on a busy machine it may be sent a signal while we are still starting it.
    passSignals(() => child)
    const child = spawn('setpriv', args, { stdio: 'inherit' })
    ended.addEventListener('abort', () => child.kill('SIGKILL'), { once: true })
    child.on('error', () => resolve(err({ reason: 'setpriv_absent' })))
    child.on('exit', (code, signal) =>
      resolve(ok(code ?? 128 + constants.signals[signal ?? 'SIGTERM'])),
    )
  })
}

/** @param child called in turns of the event loop that come later. */
function passSignals(child: () => ChildProcess): void {
  for (const signal of PASSED) process.on(signal, () => void child().kill(signal))
  for (const signal of TERMINAL) process.on(signal, () => undefined)
}
