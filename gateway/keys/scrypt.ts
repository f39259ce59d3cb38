/**
 * Secrets that people or programs show us, kept as scrypt hashes (RFC 7914): `$scrypt$ln=LN,r=8,p=1$SALT$HASH`,
 * base64url without padding.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { err, ok, type Result } from '#lib/result'

const STORED = /^\$scrypt\$ln=(1[0-7]),r=8,p=1\$([A-Za-z0-9_-]{22})\$([A-Za-z0-9_-]{43})$/
const SALT_OCTETS = 16
const HASH_OCTETS = 32
/** RFC 7914 section 2: the block size r; one hash takes 128 · r · N octets. */
const BLOCK = 8

/** Tells whether a secret is the one that was hashed; constant-time. Costs a hash: limit callers. */
export type SecretCheck = (secret: string) => Promise<boolean>

/**
 * Hashes a secret for storage, with a fresh salt.
 * @param log2Cost 10 to 17: 2^15 takes about 100 ms and 32 MiB, 2^17 four times that.
 */
export async function hashSecret(secret: string, log2Cost: number): Promise<string> {
  const salt = randomBytes(SALT_OCTETS)
  const hash = await derive(secret, salt, log2Cost)
  return `$scrypt$ln=${log2Cost},r=${BLOCK},p=1$${salt.toString('base64url')}$${hash.toString('base64url')}`
}

/** Makes the check from the stored text. */
export function secretCheck(stored: string): Result<SecretCheck, { readonly reason: 'bad_hash' }> {
  const [, log2Cost, salt, hash] = STORED.exec(stored) ?? []
  if (salt === undefined || hash === undefined) return err({ reason: 'bad_hash' })
  const wanted = Buffer.from(hash, 'base64url')
  return ok(async (secret) =>
    timingSafeEqual(await derive(secret, Buffer.from(salt, 'base64url'), Number(log2Cost)), wanted),
  )
}

function derive(secret: string, salt: Buffer, log2Cost: number): Promise<Buffer> {
  const N = 2 ** log2Cost
  const cost = { N, r: BLOCK, p: 1, maxmem: 2 * 128 * BLOCK * N }
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, HASH_OCTETS, cost, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
