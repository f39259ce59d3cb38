/**
 * The bootstrap administrator's secret: 32 random octets, printed once by `init`, kept as a hash (./scrypt.ts).
 */
import { randomBytes } from 'node:crypto'
import { ok, type Result } from '#lib/result'
import { hashSecret, type SecretCheck, secretCheck } from './scrypt.ts'

/** 32 octets in base64url. What does not look so is refused without the cost of a hash. */
const SECRET = /^[A-Za-z0-9_-]{43}$/
/** The secret itself has 256 bits, so a tenth of a second is plenty. */
const LOG2_COST = 15

/** Makes a secret. The caller shows it once and forgets it. */
export function newAdminSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Hashes a secret for storage, with a fresh salt. */
export async function hashAdminSecret(secret: string): Promise<string> {
  return `${await hashSecret(secret, LOG2_COST)}\n`
}

/** Tells whether a secret is the administrator's; constant-time. Costs a hash: remember and limit callers. */
export type AdminCheck = SecretCheck

/** Makes the check from the stored text. */
export function adminCheck(stored: string): Result<AdminCheck, { readonly reason: 'bad_hash' }> {
  const check = secretCheck(stored.replace(/\n$/, ''))
  if (!check.ok) return check
  return ok(async (secret) => SECRET.test(secret) && check.value(secret))
}
