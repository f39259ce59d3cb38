/**
 * UNIX user names as they may stand in a certificate, a command line or a log (T26).
 * Exact and case-sensitive: nothing is folded, so two names never become one.
 */
import { err, ok, type Result } from '#lib/result'

declare const unixUserBrand: unique symbol
/** A name of 1 to 32 octets of [A-Za-z0-9_.-] that begins with a letter, digit or underscore and ends in no dot. */
export type UnixUser = string & { readonly [unixUserBrand]: true }

/** useradd(8) limits names to 32 octets. `$`, `\`, quotes, `@` and a leading `-` are what injections are made of. */
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,30}[A-Za-z0-9_-])?$/

/** @returns the name unchanged, or `bad_unix_user`. Never throws. */
export function parseUnixUser(
  text: string,
): Result<UnixUser, { readonly reason: 'bad_unix_user' }> {
  return NAME.test(text) ? ok(text as UnixUser) : err({ reason: 'bad_unix_user' })
}
