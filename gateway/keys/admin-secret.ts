/**
 * The bootstrap administrator's secret: 32 random octets, printed once by `init`, kept as a scrypt hash (RFC 7914).
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { err, ok, type Result } from '#lib/result'

/** The hash as it stands in `admin.hash`: `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`, base64url without padding. */
const STORED = /^\$scrypt\$ln=15,r=8,p=1\$([A-Za-z0-9_-]{22})\$([A-Za-z0-9_-]{43})\n?$/
/** 32 octets in base64url. What does not look so is refused without the cost of a hash. */
const SECRET = /^[A-Za-z0-9_-]{43}$/
/** RFC 7914 section 2: about 100 ms and 32 MiB; the secret itself has 256 bits, so that is plenty. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 }
const SALT_OCTETS = 16
const HASH_OCTETS = 32

/** Makes a secret. The caller shows it once and forgets it. */
export function newAdminSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Hashes a secret for storage, with a fresh salt. */
export async function hashAdminSecret(secret: string): Promise<string> {
  const salt = randomBytes(SALT_OCTETS)
  const hash = await derive(secret, salt)
  return `$scrypt$ln=15,r=8,p=1$${salt.toString('base64url')}$${hash.toString('base64url')}\n`
}

/** Tells whether a secret is the administrator's; constant-time. Costs a hash: remember and limit callers. */
export type AdminCheck = (secret: string) => Promise<boolean>

/** Makes the check from the stored text. */
export function adminCheck(stored: string): Result<AdminCheck, { readonly reason: 'bad_hash' }> {
  const [, salt, hash] = STORED.exec(stored) ?? []
  if (salt === undefined || hash === undefined) return err({ reason: 'bad_hash' })
  const wanted = Buffer.from(hash, 'base64url')
  return ok(async (secret) => {
    if (!SECRET.test(secret)) return false
    return timingSafeEqual(await derive(secret, Buffer.from(salt, 'base64url')), wanted)
  })
}

function derive(secret: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, HASH_OCTETS, COST, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
