/**
 * Checks and makes passwords of the local directory. Each costs 128 MiB and a good part of a second, so only a few at
 * once: the others wait, and above that are told to come back.
 */
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { hashSecret, secretCheck } from '../../keys/scrypt.ts'
import { openTurns } from '../turns.ts'
import { normalised } from './password-rules.ts'

/** OWASP Password Storage Cheat Sheet: N = 2^17, r = 8, p = 1. */
export const PASSWORD_LOG2_COST = 17
/** Two leave half of Node's four worker threads to files and names. */
const TURNS = { atOnce: 2, waiting: 20 }
/** Letters and digits that are not mistaken for each other. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789'

/** Every answer is undefined when too many wait. */
export interface Passwords {
  /** @param stored the hash; undefined for nobody, which costs the same and never matches. */
  matches(password: string, stored: string | undefined): Promise<boolean | undefined>
  hash(password: string): Promise<string | undefined>
}

/** @param log2Cost of new hashes; tests take less. */
export function openPasswords(log2Cost = PASSWORD_LOG2_COST): Passwords {
  const turn = openTurns(TURNS)
  // A hash of nothing that anybody knows; scrypt takes as long for it as for any other.
  const nobody = `$scrypt$ln=${log2Cost},r=8,p=1$${randomText(16)}$${randomText(32)}`
  return {
    async matches(password, stored) {
      const check = secretCheck(stored ?? nobody)
      if (!check.ok) throw new Error('a stored password hash cannot be read')
      const isSame = await turn(() => check.value(normalised(password)))
      return isSame === undefined ? undefined : isSame && stored !== undefined
    },
    hash: (password) => turn(() => hashSecret(normalised(password), log2Cost)),
  }
}

function randomText(octets: number): string {
  return randomBytes(octets).toString('base64url')
}

/** A password to hand out: four groups of five, 99 bits. */
export function newPassword(): string {
  const character = () => ALPHABET[randomInt(ALPHABET.length)] ?? ''
  const group = () => Array.from({ length: 5 }, character).join('')
  return Array.from({ length: 4 }, group).join('-')
}

/** Tells one stored hash from another, without giving it away. */
export function hashVersion(stored: string): string {
  return createHash('sha256').update(stored).digest('base64url')
}
