/**
 * Administration of the local directory. What changes here is written through to the `users` row of whoever logged in
 * before, so that every phase of a decision sees the same groups, and nobody who is disabled.
 */
import { randomUUID } from 'node:crypto'
import { err, ok, type Result } from '#lib/result'
import type { LocalUser, Store } from '../../store/store.ts'
import { parseEmail } from '../email.ts'
import { groupMistake, nameMistake, refused, type UsersRefusal } from './account-rules.ts'
import { passwordMistake } from './password-rules.ts'
import { newPassword, type Passwords } from './passwords.ts'

export type Registry = {
  readonly store: Pick<Store, 'localUsers' | 'users'>
  /** Name of the provider of kind `local` in the configuration. */
  readonly provider: string
  readonly passwords: Passwords
  /** Unix milliseconds. */
  readonly now: () => number
}

/** Somebody, and the password to hand out if one was made. */
export type Handed = { readonly user: LocalUser; readonly password?: string }

/** A password that was handed out is useless after this time, ms. */
const TEMPORARY_MS = 7 * 86_400_000
type NewUser = {
  readonly email: string
  readonly name?: string
  readonly groups: readonly string[]
  /** Made when absent. */
  readonly password?: string
}

/** Adds somebody, with a password that must be changed at the first login. */
export async function addUser(
  registry: Registry,
  { email: written, name, groups, password }: NewUser,
): Promise<Result<Handed, UsersRefusal>> {
  const email = parseEmail(written)
  if (email === undefined) return refused('bad_email', 'This is not a plain email address.')
  const mistake = groupMistake(groups) ?? nameMistake(name ?? email)
  if (mistake !== undefined) return err(mistake)
  const handed = await handOut(registry, email, password)
  if (!handed.ok) return handed
  const { made, ...secret } = handed.value
  const createdAtMs = registry.now()
  const who = { id: randomUUID(), email, name: name ?? email, groups: [...new Set(groups)] }
  const user: LocalUser = { ...who, ...secret, createdAtMs }
  if (!registry.store.localUsers.insert(user)) {
    return refused('email_taken', `${email} has an account already.`)
  }
  return ok({ user, ...made })
}

/** Sets another password, to be changed at the next login. */
export async function resetPassword(
  registry: Registry,
  email: string,
  password?: string,
): Promise<Result<Handed, UsersRefusal>> {
  const found = findUser(registry, email)
  if (!found.ok) return found
  const handed = await handOut(registry, found.value.email, password)
  if (!handed.ok) return handed
  const { made, ...secret } = handed.value
  const { id, passwordHash } = found.value
  if (!registry.store.localUsers.setPassword(id, passwordHash, secret)) {
    return refused('bad_password', 'The password was changed meanwhile. Try again.')
  }
  return ok({ user: { ...found.value, ...secret }, ...made })
}

/** Sets all groups of somebody. */
export function setGroups(
  registry: Registry,
  email: string,
  groups: readonly string[],
): Result<LocalUser, UsersRefusal> {
  const found = findUser(registry, email)
  if (!found.ok) return found
  const mistake = groupMistake(groups)
  if (mistake !== undefined) return err(mistake)
  registry.store.localUsers.setGroups(found.value.id, [...new Set(groups)])
  return ok(writeThrough(registry, found.value.id))
}

/** Disables somebody, or enables them again. */
export function setDisabled(
  registry: Registry,
  email: string,
  isDisabled: boolean,
): Result<LocalUser, UsersRefusal> {
  const found = findUser(registry, email)
  if (!found.ok) return found
  const { id, disabledAtMs } = found.value
  registry.store.localUsers.setDisabled(
    id,
    isDisabled ? (disabledAtMs ?? registry.now()) : undefined,
  )
  return ok(writeThrough(registry, id))
}

function writeThrough({ store, provider }: Registry, id: string): LocalUser {
  const user = store.localUsers.get(id)
  if (user === undefined) throw new Error(`no local user ${id}`)
  const { groups, disabledAtMs } = user
  store.users.refresh(provider, id, {
    groups,
    ...(disabledAtMs !== undefined && { disabledAtMs }),
  })
  return user
}

function findUser({ store }: Registry, written: string): Result<LocalUser, UsersRefusal> {
  const email = parseEmail(written)
  const user = email === undefined ? undefined : store.localUsers.byEmail(email)
  return user === undefined ? refused('unknown_user', `${written} has no account.`) : ok(user)
}

/** A temporary password, hashed; with the password itself where we made it. */
async function handOut({ passwords, now }: Registry, email: string, given?: string) {
  const password = given ?? newPassword()
  const mistake = passwordMistake(password, email)
  if (mistake !== undefined) return refused('bad_password', mistake)
  const passwordHash = await passwords.hash(password)
  if (passwordHash === undefined) throw new Error('too many passwords at once')
  const made = given === undefined ? { password } : {}
  return ok({ passwordHash, temporaryUntilMs: now() + TEMPORARY_MS, made })
}
