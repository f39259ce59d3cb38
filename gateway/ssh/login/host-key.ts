/**
 * The host key shown to a user for one target: stable across restarts and gateways of one organisation, for clients
 * that pin keys instead of trusting the host authority; never the same for two targets (T30).
 */
import { createECDH, createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto'
import { formatAddress, parseAddress } from '#lib/net/address'
import { parseHostName } from '#lib/net/host'
import { err, ok, type Result } from '#lib/result'
import { signerFor } from '#lib/ssh/signature'
import type { HostKey } from '../transport/transport-types.ts'

/** Kind of a key that is made here. */
export type OwnKeyType = 'ed25519' | 'ecdsa'

/** Names the use of the secret, so that no other key derived from it is ever equal. */
const PURPOSE = 'zt ssh host key v1'
const SEED_OCTETS = 32
/** 64 bits more than the order (FIPS 186-5). */
const P256_OCTETS = 40
/** Order of the base point of P-256 (SP 800-186). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
/** DER head of an Ed25519 PKCS #8 key (RFC 8410 section 7); the seed follows. */
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/**
 * @param secret the organisation's `host-seed.key`, 32 octets.
 * @param host name or IP literal, in any spelling of the same target.
 * @returns the raw key, or `bad_host`. Throws on a secret of another length: a bug.
 */
export function deriveHostKey(
  secret: Buffer,
  host: string,
  port: number,
  type: OwnKeyType = 'ed25519',
): Result<HostKey, { readonly reason: 'bad_host' }> {
  if (secret.length !== SEED_OCTETS) throw new RangeError('the host secret has 32 octets')
  const name = canonicalHost(host)
  if (name === undefined) return err({ reason: 'bad_host' })
  const derive = type === 'ecdsa' ? deriveP256 : deriveEd25519
  const signer = signerFor(derive(secret, `[${name}]:${port}`))
  return ok({ algorithm: signer.algorithm, blob: signer.blob, sign: signer.sign })
}

function deriveEd25519(secret: Buffer, target: string): KeyObject {
  const seed = hkdfSync('sha256', secret, '', `${PURPOSE}\0${target}`, SEED_OCTETS)
  const key = Buffer.concat([ED25519_PKCS8, Buffer.from(seed)])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

/** FIPS 186-5 appendix A.2.1: more bits than the order has, so that no scalar is likelier than another. */
function deriveP256(secret: Buffer, target: string): KeyObject {
  const bits = Buffer.from(
    hkdfSync('sha256', secret, '', `${PURPOSE} p256\0${target}`, P256_OCTETS),
  )
  const number = (BigInt(`0x${bits.toString('hex')}`) % (P256_ORDER - 1n)) + 1n
  const scalar = Buffer.from(number.toString(16).padStart(64, '0'), 'hex')
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(scalar)
  const point = ecdh.getPublicKey()
  const [x, y] = [point.toString('base64url', 1, 33), point.toString('base64url', 33)]
  const key = { kty: 'EC', crv: 'P-256', x, y, d: scalar.toString('base64url') }
  return createPrivateKey({ key, format: 'jwk' })
}

function canonicalHost(host: string): string | undefined {
  const address = parseAddress(host)
  if (address.ok) return formatAddress(address.value)
  const name = parseHostName(host)
  return name.ok ? name.value : undefined
}
