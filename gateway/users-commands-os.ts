/**
 * `zt-gateway users`: keeps the local directory, also while the gateway runs. What it prints, and its exit codes.
 */
import { existsSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { err, ok, type Result } from '#lib/result'
import { openAuditLog } from './audit/audit-log-store.ts'
import type { Output } from './commands-os.ts'
import { formatMistakes } from './config.ts'
import { loadConfig } from './config-store.ts'
import { dataFiles } from './data-files.ts'
import { EXIT } from './exit-codes.ts'
import type { UsersRefusal } from './identity/local/account-rules.ts'
import {
  addUser,
  type Registry,
  resetPassword,
  setDisabled,
  setGroups,
} from './identity/local/local-users.ts'
import { openPasswords } from './identity/local/passwords.ts'
import { openSqliteStore } from './store/sqlite-store.ts'
import type { LocalUser, Store } from './store/store.ts'
import { type UsersResult, usersJson, usersLines } from './users-text.ts'

/** Options of every command. */
export type UsersOptions = {
  readonly config: string
  readonly json?: boolean
  readonly name?: string
  readonly group?: readonly string[]
  /** Read the password from standard input: one line. */
  readonly passwordStdin?: boolean
}

type Outcome = Result<UsersResult, UsersRefusal>
type Work = (registry: Registry, email: string, options: UsersOptions) => Promise<Outcome> | Outcome

/** What each command does. */
export const USERS_WORK = {
  add: async (registry, email, { name, group = [], passwordStdin }) => {
    const named = name === undefined ? {} : { name }
    return addUser(registry, { email, groups: group, ...named, ...(await given(passwordStdin)) })
  },
  list: ({ store }) => ok(store.localUsers.list()),
  disable: (registry, email) => handed(setDisabled(registry, email, true)),
  enable: (registry, email) => handed(setDisabled(registry, email, false)),
  'reset-password': async (registry, email, { passwordStdin }) =>
    resetPassword(registry, email, (await given(passwordStdin)).password),
  'set-groups': (registry, email, { group = [] }) => handed(setGroups(registry, email, group)),
} as const satisfies Readonly<Record<string, Work>>

function handed(changed: Result<LocalUser, UsersRefusal>): Outcome {
  return changed.ok ? ok({ user: changed.value }) : changed
}

async function given(passwordStdin: boolean | undefined): Promise<{ readonly password?: string }> {
  return passwordStdin === true
    ? { password: (await text(process.stdin)).replace(/\r?\n$/, '') }
    : {}
}

/** Runs one command. @returns the exit code. */
export async function usersCommand(
  work: Work,
  email: string,
  options: UsersOptions,
  { print, complain }: Output,
): Promise<number> {
  const opened = await openRegistry(options.config)
  if (!opened.ok) {
    complain(opened.error.message)
    return opened.error.exit
  }
  const { registry, store } = opened.value
  try {
    if (work !== USERS_WORK.list) noteUse(store, work, email)
    const done = await work(registry, email, options)
    if (!done.ok) {
      complain(`${done.error.message} (${done.error.reason})`)
      return EXIT.mistakes
    }
    for (const line of options.json === true ? usersJson(done.value) : usersLines(done.value))
      print(line)
    return EXIT.done
  } finally {
    store.close()
  }
}

/** Whoever may read the data directory is an administrator. */
function noteUse(store: Store, work: Work, email: string): void {
  const [verb = ''] = Object.entries(USERS_WORK).find(([, one]) => one === work) ?? []
  const action = `users_${verb.replaceAll('-', '_')}`
  openAuditLog(store.audit, Date.now).note('admin_action', {
    action,
    email,
    source: 'command line',
  })
}

type Refusal = { readonly exit: number; readonly message: string }

async function openRegistry(
  config: string,
): Promise<Result<{ registry: Registry; store: Store }, Refusal>> {
  const loaded = await loadConfig(config)
  if (!loaded.ok) return err({ exit: EXIT.mistakes, message: formatMistakes(loaded.error) })
  const { data, identityProviders } = loaded.value.gateway
  const provider = identityProviders.find(({ kind }) => kind === 'local')?.name
  if (provider === undefined) {
    const message = `${config} lists no identity provider of kind local`
    return err({ exit: EXIT.mistakes, message })
  }
  const { database } = dataFiles(data)
  // Opening would make an empty one.
  if (!existsSync(database)) {
    const message = `${database} does not exist; run "zt-gateway init"`
    return err({ exit: EXIT.cannotStart, message })
  }
  const store = openSqliteStore({ path: database, now: Date.now, onWriteError: () => undefined })
  if (!store.ok) return err({ exit: EXIT.cannotStart, message: store.error.message })
  const registry = { store: store.value, provider, passwords: openPasswords(), now: Date.now }
  return ok({ registry, store: store.value })
}
