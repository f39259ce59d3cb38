/**
 * The command tree of `zt-gateway users`.
 */
import { Command } from 'commander'
import type { Output } from './commands-os.ts'
import { USERS_WORK, type UsersOptions, usersCommand } from './users-commands-os.ts'

const collect = (value: string, before: readonly string[]): string[] => [...before, value]

/** The commands; each sets the exit code of the process. */
export function usersCommands(output: Output): Command {
  const users = new Command('users').description(
    'keep the local directory: who logs in with a password; works while the gateway runs',
  )
  const command = (name: keyof typeof USERS_WORK, about: string, takesEmail = true): Command => {
    const made = users.command(name).description(about)
    if (takesEmail) made.argument('<email>', 'email address of the account')
    return made
      .requiredOption('--config <file>', 'configuration')
      .option('--json', 'print one line of JSON')
      .action(async (...given: unknown[]) => {
        const email = takesEmail ? String(given[0]) : ''
        const options = given[takesEmail ? 1 : 0] as UsersOptions
        process.exitCode = await usersCommand(USERS_WORK[name], email, options, output)
      })
  }
  const stdin = 'read the password from standard input instead of making one'
  command(
    'add',
    'add an account; its password is printed once and must be changed at the first login',
  )
    .option('--name <name>', 'display name (default: the email address)')
    .option('--group <group>', 'a group of theirs; repeatable', collect, [])
    .option('--password-stdin', stdin)
  command('list', 'show all accounts', false)
  command('disable', 'let somebody in no more, and deny what they have open')
  command('enable', 'let somebody in again')
  command('reset-password', 'hand out another password, to be changed at the next login').option(
    '--password-stdin',
    stdin,
  )
  command('set-groups', 'set all groups of somebody; without --group they have none').option(
    '--group <group>',
    'a group of theirs; repeatable',
    collect,
    [],
  )
  return users
}
