/**
 * The code that a person types (RFC 8628 section 6.1): ten of twenty consonants, 43 bits, so that rate limits make
 * guessing hopeless; no vowels, so that it spells no word.
 */
import { randomInt } from 'node:crypto'

const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ'
const LENGTH = 10
const HALF = LENGTH / 2
/** Longest input that is looked at, in characters: people add spaces and hyphens. */
const INPUT_LIMIT = 64
const CODE = new RegExp(`^[${ALPHABET}]{${LENGTH}}$`)

/** A fresh code in the form that is stored and compared: no hyphen, upper case. */
export function newUserCode(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

/** For the terminal: `BCDFG-HJKLM`. */
export function formatUserCode(code: string): string {
  return `${code.slice(0, HALF)}-${code.slice(HALF)}`
}

/** What a person typed, in the form of `newUserCode`; case and punctuation do not count. Never throws. */
export function parseUserCode(text: string): string | undefined {
  if (text.length > INPUT_LIMIT) return undefined
  const code = text.toUpperCase().replace(/[\s._-]+/g, '')
  return CODE.test(code) ? code : undefined
}
