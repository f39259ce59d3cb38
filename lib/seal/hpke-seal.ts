/**
 * Sealing of HPKE base mode (RFC 9180, sections 5 and 6.1) on node:crypto. The opposite is ./hpke-open.ts.
 */
import {
  type CipherGCM,
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
  type SealingSuite,
  TAG_BYTES,
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
export async function sealBase(suite: SealingSuite, input: HpkeInput): Promise<HpkeMessage> {
  const sender = await setUpSender(suite, input)
  const ciphertext = sender.seal(input.plaintext, input.aad)
  sender.erase()
  return { encapsulated: sender.encapsulated, ciphertext }
}

/**
 * Begins a sequence of messages to one recipient (SetupBaseS).
 * @throws {Error} as `sealBase`.
 */
export async function setUpSender(
  suite: SealingSuite,
  { recipient, info, ephemeral }: Pick<HpkeInput, 'recipient' | 'info' | 'ephemeral'>,
): Promise<HpkeSender> {
  const { publicKey, privateKey } = ephemeral ?? generate(suite.kem)
  const encapsulated = exportPublic(suite.kem, publicKey)
  const dh = diffieHellman({ privateKey, publicKey: importPublic(suite.kem, recipient) })
  const secret = await deriveSharedSecret(hmac, suite.kem, dh, encapsulated, recipient)
  const { key, nonce } = await deriveKeyAndNonce(hmac, suite, secret, info)
  for (const used of [dh, secret]) used.fill(0)
  return new HpkeSender(suite.aead, encapsulated, key, nonce)
}

/** The sender's half of a sequence (section 5.2): messages are opened in the order in which they were sealed. */
export class HpkeSender {
  readonly encapsulated: Uint8Array
  readonly #aead: SealingSuite['aead']
  readonly #key: Uint8Array
  readonly #baseNonce: Uint8Array
  #sequence = 0

  constructor(
    aead: SealingSuite['aead'],
    encapsulated: Uint8Array,
    key: Uint8Array,
    baseNonce: Uint8Array,
  ) {
    this.#aead = aead
    this.encapsulated = encapsulated
    this.#key = key
    this.#baseNonce = baseNonce
  }

  /** Ciphertext and tag of the next message. */
  seal(plaintext: Uint8Array, aad: Uint8Array): Uint8Array {
    const cipher = sealingCipher(this.#aead, this.#key, this.#nextNonce()).setAAD(aad, {
      plaintextLength: plaintext.length,
    })
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }

  /** Forgets the key. Nothing may be sealed after it. */
  erase(): void {
    this.#key.fill(0)
  }

  /** The sequence number, as wide as the nonce, XORed into it. Numbers below 2^53 stay far below what the suites allow. */
  #nextNonce(): Uint8Array {
    const nonce = Buffer.from(this.#baseNonce)
    const low = nonce.length - 8
    const mixed = nonce.readBigUInt64BE(low) ^ BigInt(this.#sequence++)
    nonce.writeBigUInt64BE(mixed, low)
    return nonce
  }
}

/** Node types its ciphers by name, each with its own options. */
function sealingCipher(aead: SealingSuite['aead'], key: Uint8Array, nonce: Uint8Array): CipherGCM {
  return aead === 'chacha20-poly1305'
    ? createCipheriv(aead, key, nonce, { authTagLength: TAG_BYTES })
    : createCipheriv(aead, key, nonce)
}
