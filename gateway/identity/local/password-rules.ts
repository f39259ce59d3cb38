/**
 * What a new password must be (NIST SP 800-63B section 5.1.1.2): long, not among the commonest, not the account's name.
 */
import { COMMON_PASSWORDS } from './common-passwords.ts'

/** Fewest characters. */
export const PASSWORD_MIN = 12
/** Most characters; also holds the cost of hashing. */
const PASSWORD_MAX = 256

/** What is wrong with a new password, or undefined. */
export function passwordMistake(password: string, email: string): string | undefined {
  const characters = [...password].length
  if (characters < PASSWORD_MIN) return `Use at least ${PASSWORD_MIN} characters.`
  if (characters > PASSWORD_MAX) return `Use at most ${PASSWORD_MAX} characters.`
  return isGuessable(password, email)
    ? 'This password is one of the first that others would guess. Choose another.'
    : undefined
}

function isGuessable(password: string, email: string): boolean {
  const plain = letters(password)
  const name = letters(email.slice(0, email.indexOf('@')))
  const isRepeated = /^(.{1,4})\1+$/u.test(plain)
  return (
    isRepeated ||
    COMMON_PASSWORDS.has(plain) ||
    plain === letters(email) ||
    plain === name.repeat(2)
  )
}

/** Case and what stands around the letters do not make a password better. */
function letters(text: string): string {
  return text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')
}

/** The same text however a keyboard composes its letters. */
export function normalised(password: string): string {
  return password.normalize('NFC')
}
