/**
 * UNIX user names as they may stand in a certificate, a command line or a log (T26).
 * Exact and case-sensitive: nothing is folded, so two names never become one.
 */
import { parseHostName } from '#lib/net/host'
import { err, ok, type Result } from '#lib/result'

declare const unixUserBrand: unique symbol
/** A name of 1 to 32 octets of [A-Za-z0-9_.-] that begins with a letter, digit or underscore and ends in no dot. */
export type UnixUser = string & { readonly [unixUserBrand]: true }

/** useradd(8) limits names to 32 octets. `$`, `\`, quotes, `@` and a leading `-` are what injections are made of. */
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,30}[A-Za-z0-9_-])?$/

/** Of an alias: no digit first, which many programs read as a user id, and one spelling only. */
const ALIAS = /^[a-z][a-z0-9_.-]*$/
/** The superuser is named where somebody meant it, never by whoever has the address. */
const SUPERUSER = 'root'

/** @returns the name unchanged, or `bad_unix_user`. Never throws. */
export function parseUnixUser(
  text: string,
): Result<UnixUser, { readonly reason: 'bad_unix_user' }> {
  return NAME.test(text) ? ok(text as UnixUser) : err({ reason: 'bad_unix_user' })
}

/**
 * The part of an address before its only `@`, as a user name. Nothing is folded or cut off: what is not plainly a name
 * is refused.
 */
export function aliasFromEmail(
  email: string,
): Result<UnixUser, { readonly reason: 'bad_unix_user' }> {
  const [local = '', domain = '', ...more] = email.split('@')
  const parsed = parseHostName(domain)
  const isAddress = more.length === 0 && parsed.ok && parsed.value === domain
  if (!isAddress || !ALIAS.test(local) || local === SUPERUSER)
    return err({ reason: 'bad_unix_user' })
  return parseUnixUser(local)
}
