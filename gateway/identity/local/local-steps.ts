/**
 * What the two forms of the local directory lead to.
 */
import type { Log } from '#lib/log'
import type { LocalUser, Store } from '../../store/store.ts'
import { type Ask, ask } from '../ask.ts'
import type { TakeGuess } from '../guesses.ts'
import type { FormStep } from '../identity-provider.ts'
import { LOGIN_FORM } from './local-forms.ts'
import type { Passwords } from './passwords.ts'

export type LocalDirectoryDeps = {
  readonly store: Pick<Store, 'localUsers' | 'guesses'>
  readonly passwords: Passwords
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: Log
}

/** What both forms work on. */
export type Directory = LocalDirectoryDeps & {
  /** Of the provider in our configuration. */
  readonly name: string
  readonly take: TakeGuess
}

/** Shows the form for address and password. */
export function askToLogIn(problem?: string): Ask {
  return ask(LOGIN_FORM, { step: 'login' }, problem)
}

/** This person is logged in. */
export function done({ name: provider, now }: Directory, user: LocalUser): FormStep {
  const { id, email, name, groups } = user
  const login = { atMs: now(), amr: ['pwd'] }
  const identity = { provider, providerSubject: id, email, name, groups, claims: {}, login }
  return { kind: 'done', identity }
}
