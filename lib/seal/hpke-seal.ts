/**
 * Single-shot sealing of HPKE base mode (RFC 9180, section 6.1) on node:crypto. The opposite is ./hpke-open.ts.
 */
import {
  createCipheriv,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { toBase64url } from './bytes.ts'
import {
  deriveKeyAndNonce,
  deriveSharedSecret,
  type HmacSha256,
  type HpkeMessage,
  type Kem,
  type Suite,
} from './hpke-schedule.ts'

export type HpkeInput = {
  /** Public key as SerializePublicKey writes it (section 7.1.1). */
  readonly recipient: Uint8Array
  readonly info: Uint8Array
  readonly aad: Uint8Array
  readonly plaintext: Uint8Array
  /** Only for test vectors: with a fixed key pair two messages share their key stream. */
  readonly ephemeral?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
}

const hmac: HmacSha256 = async (key, data) => createHmac('sha256', key).update(data).digest()

function generate(kem: Kem) {
  return kem === 'x25519'
    ? generateKeyPairSync('x25519')
    : generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** @throws {Error} when the octets are no point of the curve. */
function importPublic(kem: Kem, raw: Uint8Array): KeyObject {
  const jwk =
    kem === 'x25519'
      ? { kty: 'OKP', crv: 'X25519', x: toBase64url(raw) }
      : {
          kty: 'EC',
          crv: 'P-256',
          x: toBase64url(raw.subarray(1, 33)),
          y: toBase64url(raw.subarray(33)),
        }
  return createPublicKey({ format: 'jwk', key: jwk })
}

function exportPublic(kem: Kem, key: KeyObject): Uint8Array {
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  const octets = Buffer.from(x, 'base64url')
  return kem === 'x25519'
    ? octets
    : Buffer.concat([Buffer.of(4), octets, Buffer.from(y, 'base64url')])
}

/**
 * Seals one message to one recipient (SealBase).
 * @throws {Error} when the recipient's key is no point, or of small order (OpenSSL refuses the zero secret).
 */
export async function sealBase(suite: Suite, input: HpkeInput): Promise<HpkeMessage> {
  const { publicKey, privateKey } = input.ephemeral ?? generate(suite.kem)
  const encapsulated = exportPublic(suite.kem, publicKey)
  const dh = diffieHellman({ privateKey, publicKey: importPublic(suite.kem, input.recipient) })
  const secret = await deriveSharedSecret(hmac, suite.kem, dh, encapsulated, input.recipient)
  const { key, nonce } = await deriveKeyAndNonce(hmac, suite, secret, input.info)
  const cipher = createCipheriv(suite.aead, key, nonce).setAAD(input.aad)
  const ciphertext = Buffer.concat([cipher.update(input.plaintext), cipher.final()])
  for (const used of [dh, secret, key]) used.fill(0)
  return { encapsulated, ciphertext: Buffer.concat([ciphertext, cipher.getAuthTag()]) }
}
