/**
 * What `zt-gateway users` prints of accounts: everything but the hash.
 */
import type { Handed } from './identity/local/local-users.ts'
import type { LocalUser } from './store/store.ts'

/** Outcome of a command: one account, perhaps with a password to hand out, or all. */
export type UsersResult = Handed | readonly LocalUser[]

/** One line of JSON. */
export function usersJson(result: UsersResult): string[] {
  if (!('user' in result)) return [JSON.stringify(result.map(shown))]
  const { user, password } = result
  return [JSON.stringify({ ...shown(user), ...(password !== undefined && { password }) })]
}

function shown({
  id,
  email,
  name,
  groups,
  temporaryUntilMs,
  createdAtMs,
  disabledAtMs,
}: LocalUser) {
  const changeBy = temporaryUntilMs === undefined ? null : time(temporaryUntilMs)
  const disabledAt = disabledAtMs === undefined ? null : time(disabledAtMs)
  const created = time(createdAtMs)
  return {
    ...{ id, email, name, groups, created },
    password_change_by: changeBy,
    disabled_at: disabledAt,
  }
}

/** Lines for people. */
export function usersLines(result: UsersResult): string[] {
  if (!('user' in result)) return result.map(line)
  const { user, password } = result
  if (password === undefined) return [line(user)]
  return [
    line(user),
    '',
    'Password, shown only now; it must be changed at the first login:',
    '',
    `  ${password}`,
  ]
}

function line({ email, name, groups, temporaryUntilMs, disabledAtMs }: LocalUser): string {
  const states = [
    ...(disabledAtMs === undefined ? [] : [`disabled since ${time(disabledAtMs)}`]),
    ...(temporaryUntilMs === undefined
      ? []
      : [`must choose a password by ${time(temporaryUntilMs)}`]),
  ]
  const state = states.length === 0 ? 'active' : states.join(', ')
  return `${email}  ${name}  groups: ${groups.join(', ') || 'none'}  ${state}`
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
