/**
 * Host names as a user types them (RFC 1123 section 2.1, RFC 5890 A-labels). Nothing is looked up here.
 * Names that reach files, ssh_config or shells must have passed `parseHostName` first.
 */
import { err, ok, type Result } from '#lib/result'

declare const hostNameBrand: unique symbol
/** A validated DNS name: lower case, no trailing dot, 1 to 253 octets, labels of [a-z0-9_-]. */
export type HostName = string & { readonly [hostNameBrand]: true }

/** Longest name in text form without the trailing dot (RFC 1035 section 3.1). */
const NAME_LIMIT = 253
/** RFC 1035 section 2.3.4: 63 octets; underscores are tolerated since real private zones use them. */
const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
const LABELS = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)
/** What a resolver may read as a number, `10.1` and `0x7f000001` alike: such a name could be an address in disguise. */
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/

/**
 * Parses a host name. IP literals are refused: the last label may not be a number, decimal or hexadecimal (RFC 1123 section 2.1).
 * @returns the canonical name, or `bad_host` for anything that is not plain DNS labels. Never throws.
 */
export function parseHostName(text: string): Result<HostName, { readonly reason: 'bad_host' }> {
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase()
  const last = name.slice(name.lastIndexOf('.') + 1)
  const isName = name.length <= NAME_LIMIT && LABELS.test(name) && !NUMBER.test(last)
  return isName ? ok(name as HostName) : err({ reason: 'bad_host' })
}

/** Whether `name` is `domain` itself or any name below it. */
export function isWithinDomain(name: HostName, domain: HostName): boolean {
  return name === domain || name.endsWith(`.${domain}`)
}
