/**
 * Elliptic-curve Diffie-Hellman: curve25519-sha256 (RFC 8731) and ecdh-sha2-nistp* (RFC 5656 section 4).
 * Public values of small order, off the curve or of another form yield no secret (T04).
 */
import {
  createECDH,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { writePositiveInteger } from '#lib/ssh/writer'

/** One fresh key pair, used for one exchange. */
export type KeyAgreement = {
  /** Our public value. */
  readonly publicValue: Buffer
  /** @returns the shared secret K, encoded as the exchange hash takes it; undefined when the peer's value is bad. */
  agree(peerValue: Buffer): Buffer | undefined
}

export type KexMethod = {
  readonly hash: 'sha256' | 'sha384'
  begin(): KeyAgreement
}

/** DER head of an X25519 SubjectPublicKeyInfo (RFC 8410 section 10.1); the 32 octets follow. */
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex')
const X25519_OCTETS = 32

const curve25519: KexMethod = { hash: 'sha256', begin: beginCurve25519 }

/** Methods by name. */
export const KEX_METHODS: ReadonlyMap<string, KexMethod> = new Map([
  ['curve25519-sha256', curve25519],
  ['curve25519-sha256@libssh.org', curve25519],
  ['ecdh-sha2-nistp256', nist('prime256v1', 'sha256', 32)],
  ['ecdh-sha2-nistp384', nist('secp384r1', 'sha384', 48)],
])

function beginCurve25519(): KeyAgreement {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  return {
    publicValue: spki.subarray(X25519_SPKI.length),
    agree: (peerValue) => agreeCurve25519(privateKey, peerValue),
  }
}

function agreeCurve25519(privateKey: KeyObject, peerValue: Buffer): Buffer | undefined {
  if (peerValue.length !== X25519_OCTETS) return undefined
  const spki = Buffer.concat([X25519_SPKI, peerValue])
  try {
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    const secret = diffieHellman({ privateKey, publicKey })
    // RFC 8731 section 3: abort on the all-zero secret of a low-order point. OpenSSL throws; this holds for any other.
    return secret.every((octet) => octet === 0) ? undefined : writePositiveInteger(secret)
  } catch {
    return undefined
  }
}

function nist(curve: string, hash: KexMethod['hash'], octets: number): KexMethod {
  return {
    hash,
    begin() {
      const ecdh = createECDH(curve)
      const publicValue = ecdh.generateKeys()
      return {
        publicValue,
        agree(peerValue) {
          if (peerValue[0] !== 4 || peerValue.length !== 1 + 2 * octets) return undefined
          try {
            return writePositiveInteger(ecdh.computeSecret(peerValue))
          } catch {
            return undefined // not on the curve
          }
        },
      }
    },
  }
}
