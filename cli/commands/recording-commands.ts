/** `zt recordings commands`: what was done in a session, line by line. */
import type { Command } from 'commander'
import { report } from '../cli-io.ts'
import type { Run } from './device.ts'
import { collect, conclude, type Io, KEY_OPTION, openWithKeys } from './recording-io.ts'

/** Adds `commands` to `recordings`. */
export function addCommands(recordings: Command, io: Io, run: Run): void {
  recordings
    .command('commands')
    .description('list what was done in a session: commands, subsystems, file operations')
    .argument('<recording>', 'id or file')
    .requiredOption(...KEY_OPTION, collect)
    .option('--json', 'print a JSON array of {at, channel, source, confidence, text, …}')
    .addHelpText(
      'after',
      '\nLines that are no facts are read from the screen or from marks of the shell: a help to find a place, no proof.\n\nExample:\n  $ zt recordings commands ID --key auditor.key',
    )
    .action((name: string, flags: { key: string[]; json?: boolean }) =>
      run(() => list(io, name, flags)),
    )
}

async function list(
  io: Io,
  name: string,
  flags: { readonly key: readonly string[]; readonly json?: boolean },
): Promise<number> {
  const opened = await openWithKeys(io, name, flags.key)
  if (!opened.ok) return report(io, opened.error)
  // A terminal is loaded with it, which no other command should wait for.
  const { commandLines, commandsJson, listCommands } = await import(
    '../recordings/list-commands.ts'
  )
  const { read, commands } = await listCommands(opened.value.source, opened.value.keys)
  if (read.ok && !read.value.classes.includes('input')) {
    io.warn(
      'This key does not open what was typed: commands are told only where SSH or the shell names them.',
    )
  }
  if (flags.json) io.print(commandsJson(commands))
  else for (const line of commandLines(commands)) io.print(line)
  return conclude(io, read)
}
