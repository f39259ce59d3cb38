/**
 * Email addresses that may name somebody. An address later becomes an SSH principal and a policy key, so only plain
 * ASCII ones get this far: no quoted local parts, no second `@`, `$`, `\`, spaces, look-alike letters (T26).
 */

/** Longest address (RFC 5321 section 4.5.3.1.3). */
const EMAIL_LIMIT = 254
const EMAIL =
  /^[a-z0-9_+%][a-z0-9._+%'-]*@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/

/** The address in lower case, or undefined for what is none. Never throws. */
export function parseEmail(text: string): string | undefined {
  // Before lower-casing: U+212A (Kelvin sign) would become a plain k.
  if (text.length > EMAIL_LIMIT || !/^[\x21-\x7e]+$/.test(text)) return undefined
  const email = text.toLowerCase()
  return EMAIL.test(email) ? email : undefined
}
