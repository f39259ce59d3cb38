#!/usr/bin/env node
/**
 * `zt-gateway`: reads argv, runs one command, ends with its exit code.
 */
import { Command, CommanderError } from 'commander'
import { productVersion } from '#lib/api/product-version-os'
import { checkCommand, initCommand, type Output, showCommand, signCommand } from './commands-os.ts'
import { EXIT } from './exit-codes.ts'
import { usersCommands } from './users-cli-os.ts'

const EXIT_CODES = `
Exit codes:
  0  done
  1  refused, or the configuration has mistakes
  2  wrong usage
  3  cannot start: keys, store or an address cannot be used
  4  ended at once, by a second signal
`

const output: Output = {
  print: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
}

/** Runs a command and keeps its exit code. */
function run<Options>(command: (options: Options, output: Output) => Promise<number>) {
  return async (options: Options): Promise<void> => {
    process.exitCode = await command(options, output)
  }
}

const collect = (value: string, before: readonly string[]): string[] => [...before, value]

const program = new Command('zt-gateway')
  .description('The gateway of a zt organisation: decides, carries and records what devices reach.')
  .version(productVersion(), '-V, --version', 'print the version')
  .addHelpText('after', EXIT_CODES)
  .exitOverride()

program
  .command('init')
  .description('make keys, store, administrator and a commented configuration; overwrites nothing')
  .requiredOption('--data <dir>', 'data directory to make')
  .option('--name <org>', 'display name of the organisation', 'My organisation')
  .option('--config <file>', 'configuration to write (default: zt.yaml beside the data directory)')
  .option('--fips', 'keys and configuration for FIPS mode')
  .option('--json', 'print what was made as one line of JSON')
  .action(run(initCommand))

program
  .command('check')
  .description('report every mistake of a configuration, with file, line and path')
  .requiredOption('--config <file>', 'configuration to check')
  .action(run(checkCommand))

program
  .command('run')
  .description(
    'run the gateway; SIGHUP imports the policy, SIGTERM drains, a second one ends at once',
  )
  .requiredOption('--config <file>', 'configuration')
  .action(
    run(async ({ config }: { readonly config: string }) => {
      // Loaded here: the other commands need no listener, and start twice as fast without.
      const { openLog } = await import('./log-os.ts')
      const { runGateway } = await import('./run-os.ts')
      // Connections may still be open after a second signal: the process ends all the same.
      process.exit(await runGateway(config, openLog()))
    }),
  )

const recipients = program.command('recipients').description('who can open recordings')
recipients
  .command('sign')
  .description('sign a list of recipients with the offline key that init wrote')
  .requiredOption('--key <file>', 'the offline key, mode 0600')
  .requiredOption('--recipient <file>', 'public line of a recipient; may be repeated', collect, [])
  .option('--input-recipient <file>', 'who alone opens what users typed; repeatable', collect, [])
  .option(
    '--index-recipient <file>',
    'who alone opens commands and file operations; repeatable',
    collect,
    [],
  )
  .requiredOption('--out <file>', 'signed list to write')
  .action(run(signCommand))
recipients
  .command('show')
  .description('verify the list that a configuration names, and show the fingerprints in it')
  .requiredOption('--config <file>', 'configuration')
  .action(run(showCommand))

const users = usersCommands(output)
program.addCommand(users)

for (const command of [...program.commands, ...recipients.commands, ...users.commands])
  command.exitOverride()
try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage
  else {
    output.complain(error instanceof Error ? error.message : String(error))
    process.exitCode = EXIT.cannotStart
  }
}
