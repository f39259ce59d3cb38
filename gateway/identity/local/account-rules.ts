/**
 * What an account of the local directory may say about a person, and how the administrator hears that it may not.
 */
import { err, type Result } from '#lib/result'

/** Why nothing was changed; `message` is for the administrator. */
export type UsersRefusal = {
  readonly reason:
    | 'bad_email'
    | 'email_taken'
    | 'unknown_user'
    | 'bad_group'
    | 'bad_name'
    | 'bad_password'
  readonly message: string
}

const GROUPS_LIMIT = 1000
/** As for names of the configuration: any text on one line. */
const LINE = /^[^\p{C}]{1,256}$/u

/** What is wrong with a list of groups, or undefined. */
export function groupMistake(groups: readonly string[]): UsersRefusal | undefined {
  const wrong = groups.find((group) => !LINE.test(group))
  if (groups.length <= GROUPS_LIMIT && wrong === undefined) return undefined
  const message =
    wrong === undefined
      ? `At most ${GROUPS_LIMIT} groups.`
      : `${JSON.stringify(wrong)} is no name of a group: 1 to 256 characters on one line.`
  return { reason: 'bad_group', message }
}

/** What is wrong with a display name, or undefined. */
export function nameMistake(name: string): UsersRefusal | undefined {
  if (LINE.test(name)) return undefined
  return { reason: 'bad_name', message: 'A name has 1 to 256 characters on one line.' }
}

/** A refusal as a result. */
export function refused(
  reason: UsersRefusal['reason'],
  message: string,
): Result<never, UsersRefusal> {
  return err({ reason, message })
}
