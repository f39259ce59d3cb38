/**
 * Single-shot opening of HPKE base mode (RFC 9180, section 6.1) on WebCrypto alone: Node and browser.
 * The opposite is ./hpke-seal.ts.
 */
import {
  deriveKeyAndNonce,
  deriveSharedSecret,
  type HmacSha256,
  type HpkeMessage,
  type Kem,
  type Suite,
} from './hpke-schedule.ts'

const { subtle } = globalThis.crypto

const hmac: HmacSha256 = async (key, data) => {
  const hash = { name: 'HMAC', hash: 'SHA-256' }
  const imported = await subtle.importKey('raw', key, hash, false, ['sign'])
  return new Uint8Array(await subtle.sign('HMAC', imported, data))
}

/** WebCrypto's name of the key agreement. */
export function agreementOf(kem: Kem): { readonly name: string; readonly namedCurve?: string } {
  return kem === 'x25519' ? { name: 'X25519' } : { name: 'ECDH', namedCurve: 'P-256' }
}

/** The recipient's own key pair. */
export type HpkeRecipient = { readonly privateKey: CryptoKey; readonly publicKey: Uint8Array }

/**
 * Opens one message (OpenBase).
 * @returns the plaintext, or undefined when the message is not for this key or was changed.
 */
export async function openBase(
  suite: Suite,
  { privateKey, publicKey }: HpkeRecipient,
  { encapsulated, ciphertext }: HpkeMessage,
  info: Uint8Array,
  aad: Uint8Array,
): Promise<Uint8Array | undefined> {
  try {
    const dh = await agree(suite.kem, privateKey, encapsulated)
    const secret = await deriveSharedSecret(hmac, suite.kem, dh, encapsulated, publicKey)
    const { key, nonce } = await deriveKeyAndNonce(hmac, suite, secret, info)
    const imported = await subtle.importKey('raw', key, 'AES-GCM', false, ['decrypt'])
    for (const used of [dh, secret, key]) used.fill(0)
    const parameters = { name: 'AES-GCM', iv: nonce, additionalData: aad }
    return new Uint8Array(await subtle.decrypt(parameters, imported, ciphertext))
  } catch {
    return undefined // WebCrypto tells a bad point and a bad tag by throwing; neither opens
  }
}

/**
 * Diffie-Hellman of a private key and a public one in octets.
 * @throws {DOMException} when the octets are no point, or of small order (RFC 7748, section 6.1).
 */
export async function agree(
  kem: Kem,
  privateKey: CryptoKey,
  publicKey: Uint8Array,
): Promise<Uint8Array> {
  const algorithm = agreementOf(kem)
  const imported = await subtle.importKey('raw', publicKey, algorithm, true, [])
  const shared = await subtle.deriveBits(
    { name: algorithm.name, public: imported },
    privateKey,
    256,
  )
  return new Uint8Array(shared)
}
