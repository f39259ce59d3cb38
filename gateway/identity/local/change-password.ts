/**
 * Choosing a password in place of one that was handed out. Only the browser that proved the old one gets here, and only
 * while it still is the password.
 */
import { z } from 'zod'
import type { LocalUser } from '../../store/store.ts'
import { ask } from '../ask.ts'
import type { FormStep, PendingLogin } from '../identity-provider.ts'
import { CHANGE_FORM, PROBLEMS } from './local-forms.ts'
import { askToLogIn, type Directory, done } from './local-steps.ts'
import { passwordMistake } from './password-rules.ts'
import { hashVersion } from './passwords.ts'

/** How long after the old password a new one may be chosen, ms. */
const CHANGE_TIME_MS = 600_000

const changing = z.strictObject({
  step: z.literal('change'),
  userId: z.string(),
  /** Of the hash that was answered: a change works once. */
  version: z.string(),
  atMs: z.string().regex(/^\d{1,16}$/),
})

/** Shows the form to somebody who typed the password that was handed out. */
export function askToChange({ id, passwordHash }: LocalUser, nowMs: number): FormStep {
  const version = hashVersion(passwordHash)
  return ask(CHANGE_FORM, { step: 'change', userId: id, version, atMs: String(nowMs) })
}

/** Takes the new password. */
export async function changePassword(
  directory: Directory,
  typed: ReadonlyMap<string, string>,
  pending: PendingLogin,
): Promise<FormStep> {
  const { store, passwords, log } = directory
  const user = userThatChanges(directory, pending)
  if (user === undefined) return askToLogIn(PROBLEMS.startAgain)
  const password = typed.get('new_password') ?? ''
  const mistake =
    password === typed.get('again') ? passwordMistake(password, user.email) : PROBLEMS.notTheSame
  if (mistake !== undefined) return ask(CHANGE_FORM, pending, mistake)
  const isOld = await passwords.matches(password, user.passwordHash)
  if (isOld === true) return ask(CHANGE_FORM, pending, PROBLEMS.old)
  const passwordHash = isOld === undefined ? undefined : await passwords.hash(password)
  if (passwordHash === undefined) return ask(CHANGE_FORM, pending, PROBLEMS.busy)
  // Hashing took a while: it counts only if nobody changed or disabled the account meanwhile.
  const current = userThatChanges(directory, pending)
  const isSet =
    current !== undefined &&
    store.localUsers.setPassword(current.id, current.passwordHash, { passwordHash })
  if (!isSet) return askToLogIn(PROBLEMS.startAgain)
  log.info({ userId: user.id, provider: directory.name }, 'password changed')
  return done(directory, current)
}

/** Whoever proved the old password in this browser, if it still is the password and the account is open. */
function userThatChanges({ store, now }: Directory, pending: PendingLogin): LocalUser | undefined {
  const { data } = changing.safeParse(pending)
  if (data === undefined || now() - Number(data.atMs) > CHANGE_TIME_MS) return undefined
  const user = store.localUsers.get(data.userId)
  if (user === undefined || user.disabledAtMs !== undefined) return undefined
  return hashVersion(user.passwordHash) === data.version ? user : undefined
}
