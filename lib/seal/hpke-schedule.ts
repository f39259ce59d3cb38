/**
 * Key schedule of HPKE base mode (RFC 9180), written once over an HMAC that the caller brings:
 * node:crypto where recordings are sealed, WebCrypto where they are opened.
 * Suites: DHKEM(X25519 or P-256, HKDF-SHA256), HKDF-SHA256, AES-GCM; ChaCha20-Poly1305 for exports only.
 */
import { concat, uint16, utf8 } from './bytes.ts'

/** Key encapsulation mechanism, which is also the kind of a recipient's key. */
export type Kem = 'x25519' | 'p256'

/** Recordings use aes-256-gcm only; RFC 9180 prints its P-256 examples for aes-128-gcm. */
export type Aead = 'aes-128-gcm' | 'aes-256-gcm'

export type Suite<A extends keyof typeof AEADS = Aead> = { readonly kem: Kem; readonly aead: A }

/** Suites that we can seal with; WebCrypto, which opens, has AES-GCM only. */
export type SealingSuite = Suite<keyof typeof AEADS>

/** What travels to the recipient. */
export type HpkeMessage = {
  /** The sender's ephemeral public key. */
  readonly encapsulated: Uint8Array
  /** Ciphertext and tag. */
  readonly ciphertext: Uint8Array
}

/** HMAC-SHA256 of `data`. */
export type HmacSha256 = (key: Uint8Array, data: Uint8Array) => Promise<Uint8Array>

/** Registered ids and lengths (RFC 9180, sections 7.1 and 7.3). */
export const KEMS = {
  x25519: { id: 0x0020, publicKeyBytes: 32 },
  p256: { id: 0x0010, publicKeyBytes: 65 },
} as const
export const AEADS = {
  'aes-128-gcm': { id: 0x0001, keyBytes: 16 },
  'aes-256-gcm': { id: 0x0002, keyBytes: 32 },
  'chacha20-poly1305': { id: 0x0003, keyBytes: 32 },
} as const

/** Octets of a tag and a nonce; every AEAD here has the same. */
export const TAG_BYTES = 16
export const NONCE_BYTES = 12

const KDF_ID = 0x0001 // HKDF-SHA256
const HASH_BYTES = 32
const MODE_BASE = Uint8Array.of(0)
const VERSION = utf8('HPKE-v1')
const EMPTY = new Uint8Array(0)
/** RFC 5869: no salt means a salt of zeros; WebCrypto refuses a key of length zero. */
const NO_SALT = new Uint8Array(HASH_BYTES)

type Labels = { readonly hmac: HmacSha256; readonly suiteId: Uint8Array }

function extract({ hmac, suiteId }: Labels, salt: Uint8Array, label: string, input: Uint8Array) {
  return hmac(salt, concat([VERSION, suiteId, utf8(label), input]))
}

/** One HMAC block is enough: no output of these suites is longer than the hash. */
async function expand(
  { hmac, suiteId }: Labels,
  key: Uint8Array,
  label: string,
  info: Uint8Array,
  lengthBytes: number,
): Promise<Uint8Array> {
  const labelled = concat([uint16(lengthBytes), VERSION, suiteId, utf8(label), info])
  const block = await hmac(key, concat([labelled, Uint8Array.of(1)]))
  return block.subarray(0, lengthBytes)
}

/**
 * ExtractAndExpand of DHKEM (section 4.1).
 * @param dh shared point as octets; the caller has refused the all-zero one.
 */
export async function deriveSharedSecret(
  hmac: HmacSha256,
  kem: Kem,
  dh: Uint8Array,
  encapsulated: Uint8Array,
  recipient: Uint8Array,
): Promise<Uint8Array> {
  const labels = { hmac, suiteId: concat([utf8('KEM'), uint16(KEMS[kem].id)]) }
  const key = await extract(labels, NO_SALT, 'eae_prk', dh)
  return expand(labels, key, 'shared_secret', concat([encapsulated, recipient]), HASH_BYTES)
}

/** KeySchedule in base mode (section 5.1): the AEAD key and the nonce of sequence number 0. */
export async function deriveKeyAndNonce(
  hmac: HmacSha256,
  { kem, aead }: SealingSuite,
  sharedSecret: Uint8Array,
  info: Uint8Array,
): Promise<{ readonly key: Uint8Array; readonly nonce: Uint8Array }> {
  const ids = [KEMS[kem].id, KDF_ID, AEADS[aead].id].map(uint16)
  const labels = { hmac, suiteId: concat([utf8('HPKE'), ...ids]) }
  const pskIdHash = await extract(labels, NO_SALT, 'psk_id_hash', EMPTY)
  const infoHash = await extract(labels, NO_SALT, 'info_hash', info)
  const context = concat([MODE_BASE, pskIdHash, infoHash])
  const secret = await extract(labels, sharedSecret, 'secret', EMPTY)
  return {
    key: await expand(labels, secret, 'key', context, AEADS[aead].keyBytes),
    nonce: await expand(labels, secret, 'base_nonce', context, NONCE_BYTES),
  }
}
