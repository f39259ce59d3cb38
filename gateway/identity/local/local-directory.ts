/**
 * Identity provider of kind `local`: people of the gateway's own directory, who log in with a password. A password that
 * was handed out opens nothing but the form to choose another (T96).
 */
import type { LocalUser } from '../../store/store.ts'
import { parseEmail } from '../email.ts'
import { openGuesses } from '../guesses.ts'
import type { FormProvider, FormStep } from '../identity-provider.ts'
import { askToChange, changePassword } from './change-password.ts'
import { PROBLEMS } from './local-forms.ts'
import { askToLogIn, type Directory, done, type LocalDirectoryDeps } from './local-steps.ts'

type Typed = ReadonlyMap<string, string>
/** Opens the directory. @param name of the provider in our configuration. */
export function openLocalDirectory(name: string, deps: LocalDirectoryDeps): FormProvider {
  const directory = { ...deps, name, take: openGuesses(name, deps.store, deps.now) }
  return {
    kind: 'form',
    name,
    begin: () => askToLogIn(),
    answer: (typed, pending, source) =>
      pending['step'] === 'login'
        ? logIn(directory, typed, source)
        : changePassword(directory, typed, pending),
  }
}

async function logIn(directory: Directory, typed: Typed, source: string): Promise<FormStep> {
  const { store, passwords, now, log } = directory
  const written = typed.get('email')?.trim() ?? ''
  const email = parseEmail(written)
  const guess = directory.take(email ?? written, source)
  if (guess === undefined) return refuse(directory, source, 'too_many_tries', PROBLEMS.tooMany)
  const user = email === undefined ? undefined : store.localUsers.byEmail(email)
  const matches = await passwords.matches(typed.get('password') ?? '', user?.passwordHash)
  if (matches === undefined) {
    guess.untried()
    return refuse(directory, source, 'busy', PROBLEMS.busy)
  }
  // Read again: it may have been disabled, or got another password, while the hash was made.
  const current = user && store.localUsers.get(user.id)
  const reason = refusal(current, matches && current?.passwordHash === user?.passwordHash, now())
  if (current === undefined || reason !== undefined) {
    const about = user === undefined ? {} : { userId: user.id }
    log.warn({ ...about, provider: directory.name, source, reason }, 'password refused')
    return askToLogIn(PROBLEMS.wrong)
  }
  guess.right()
  return current.temporaryUntilMs === undefined
    ? done(directory, current)
    : askToChange(current, now())
}

/** Why an account does not open, for the log. */
function refusal(user: LocalUser | undefined, matches: boolean, nowMs: number) {
  if (user === undefined) return 'unknown_user'
  if (!matches) return 'wrong_password'
  if (user.disabledAtMs !== undefined) return 'user_disabled'
  const { temporaryUntilMs = Number.POSITIVE_INFINITY } = user
  return nowMs >= temporaryUntilMs ? 'password_expired' : undefined
}

function refuse({ log, name }: Directory, source: string, reason: string, problem: string) {
  log.warn({ provider: name, source, reason }, 'password refused')
  return askToLogIn(problem)
}
