/** UNIX users of a permit: the names that policy writes, and the one that is everybody's own. Pure. */
import { aliasFromEmail } from '#lib/ssh/unix-user'

/** Stands in a list of UNIX users for the local part of the asker's address. */
export const EMAIL_ALIAS = '@email-local-part'

/** @param email of a person; without one, or with one that makes no safe name, the alias is nobody. */
export function namedUsers(users: readonly string[], email: string | undefined): readonly string[] {
  if (!users.includes(EMAIL_ALIAS)) return users
  const alias = aliasFromEmail(email ?? '')
  const own = alias.ok ? [alias.value] : []
  return [...new Set(users.flatMap((user) => (user === EMAIL_ALIAS ? own : [user])))]
}
