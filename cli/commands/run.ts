/** `zt run`: one program whose whole network is zt's. */
import type { Command } from 'commander'
import { type CliFailure, type CliIo, EXIT, NOT_ENROLLED, report } from '../cli-io.ts'
import type { RunInside } from '../run-os.ts'
import type { Run } from './device.ts'

export type RunIo = {
  readonly runInside: RunInside
  readonly controlPath: string
}

const HELP = `
The program gets a network of its own, in which zt carries all connections: private names and addresses through the
gateway, the rest directly. No root, no proxy settings, nothing to clean up. It stays the same user, in the same
folder and on the same terminal.

Examples:
  $ zt run -- curl http://wiki.corp.internal/
  $ zt run -- psql -h db1.corp.internal
  $ zt run --only-private -- ./deploy.sh
  $ zt run -- bash

The exit code is the program's, 128 + n when signal n ended it; 125 when zt could not run it, 126 or 127 when the
system could not.`

export function addRunCommand(program: Command, io: CliIo & RunIo, run: Run): void {
  program
    .command('run')
    .description('run one program whose whole network goes through zt, without root')
    .argument('<command...>', 'the program and its arguments')
    .option('--only-private', 'refuse what is not behind the gateway')
    .passThroughOptions()
    .addHelpText('after', HELP)
    .action((argv: string[], options: { readonly onlyPrivate?: boolean }) =>
      run(() => runProgram(io, argv, options.onlyPrivate === true)),
    )
}

async function runProgram(
  io: CliIo & RunIo,
  argv: readonly string[],
  onlyPrivate: boolean,
): Promise<number> {
  const refusal = await daemonRefusal(io)
  if (refusal !== undefined) return report(io, { ...refusal, exitCode: EXIT.notRun })
  const ended = await io.runInside(argv, { controlPath: io.controlPath, onlyPrivate })
  return ended.ok ? ended.value : report(io, ended.error)
}

/** Why the program would reach nothing at all. */
async function daemonRefusal(io: CliIo): Promise<CliFailure | undefined> {
  const answer = await io.askDaemon({ method: 'status' })
  if (!answer.ok) return answer.error
  const isEnrolled = 'status' in answer.value && answer.value.status.state !== 'not_enrolled'
  return isEnrolled ? undefined : NOT_ENROLLED
}
