/** Examples in the help of commands that say nothing else after their options. */
import type { Command } from 'commander'

/** What stands behind `$ zt `, by the words of the command. */
const EXAMPLES: Readonly<Record<string, string>> = {
  status: 'status --json | jq -r .state',
  settings: 'settings --json | jq -r ".[] | select(.source != \\"default\\").name"',
  login: 'login --ssh-cert',
  logout: 'logout',
  up: 'up',
  down: 'down && zt status',
  apps: 'apps --json | jq -r ".[].name"',
  posture: 'posture --json',
  'portal open': 'portal open && firefox http://neverssl.com/',
  'portal close': 'portal close',
  'recordings show': 'recordings show ID --json | jq -r .state',
  'admin sessions show': 'admin sessions show ID --json | jq .session.login',
  'admin ssh-sessions list': 'admin ssh-sessions list --json | jq -r ".[].id"',
  'admin ssh-sessions end': 'admin ssh-sessions end ID',
  'admin devices list': 'admin devices list --json | jq -r ".[].id"',
  'admin devices posture': 'admin devices posture ID',
  'admin devices revoke': 'admin devices revoke ID',
  'admin devices override': 'admin devices override ID --for 90m',
  'admin service-tokens list': 'admin service-tokens list',
  'admin service-tokens disable': 'admin service-tokens disable backup',
  'admin service-tokens enable': 'admin service-tokens enable backup',
  'admin ssh-targets list': 'admin ssh-targets list --json | jq -r ".[].label"',
  'admin ssh-targets scan': 'admin ssh-targets scan db1.corp.internal:2222',
  'admin ssh-targets rotate-key': 'admin ssh-targets rotate-key db1 --accept-key SHA256:…',
  'admin ssh-targets remove': 'admin ssh-targets remove db1',
  'admin ssh-ca list': 'admin ssh-ca list',
  'admin ssh-ca show': 'admin ssh-ca show user > zt_user_ca.pub',
  'admin ssh-ca certificates': 'admin ssh-ca certificates --limit 10',
  'admin ssh-ca krl': 'admin ssh-ca krl --out zt_krl && ssh-keygen -Q -l -f zt_krl',
  'admin requests list': 'admin requests list --json | jq -r ".[].id"',
}

/** Adds them, once all commands are there. */
export function addExamples(program: Command): void {
  for (const [words, example] of Object.entries(EXAMPLES)) {
    commandAt(program, words.split(' '))?.addHelpText('after', `\nExample:\n  $ zt ${example}`)
  }
}

function commandAt(program: Command, words: readonly string[]): Command | undefined {
  return words.reduce<Command | undefined>(
    (at, word) => at?.commands.find((command) => command.name() === word),
    program,
  )
}
