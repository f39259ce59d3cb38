/** `zt posture`: what this device tells the gateway of itself, for the person whose device it is. */
import type { Command } from 'commander'
import { type CliIo, EXIT, report } from '../cli-io.ts'
import { postureText } from '../render.ts'
import type { Run } from './device.ts'

/** Adds the command to `program`. */
export function addPostureCommand(program: Command, io: CliIo, run: Run): void {
  program
    .command('posture')
    .description('list what this device tells the gateway of itself')
    .option('--json', 'print JSON')
    .action((options: { readonly json?: boolean }) =>
      run(async () => {
        const answer = await io.askDaemon({ method: 'status' }, () => {})
        if (!answer.ok) return report(io, answer.error)
        if (!('status' in answer.value)) return EXIT.failed
        const { posture } = answer.value.status
        io.print(options.json ? JSON.stringify(posture) : postureText(posture))
        return EXIT.ok
      }),
    )
}
