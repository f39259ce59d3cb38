/** X25519 on raw octets (RFC 7748). Values of small order, or of another length, yield no secret (T04). */
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'

export const X25519_OCTETS = 32
/** DER head of an X25519 SubjectPublicKeyInfo (RFC 8410 section 10.1); the 32 octets follow. */
const SPKI = Buffer.from('302a300506032b656e032100', 'hex')

/** One fresh key pair, used for one exchange. */
export type X25519Agreement = {
  readonly publicValue: Buffer
  /** @returns the raw secret, undefined when the peer's value is bad. */
  agree(peerValue: Buffer): Buffer | undefined
}

export function beginX25519(): X25519Agreement {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  return {
    publicValue: spki.subarray(SPKI.length),
    agree: (peerValue) => agree(privateKey, peerValue),
  }
}

function agree(privateKey: KeyObject, peerValue: Buffer): Buffer | undefined {
  if (peerValue.length !== X25519_OCTETS) return undefined
  const spki = Buffer.concat([SPKI, peerValue])
  try {
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    const secret = diffieHellman({ privateKey, publicKey })
    // RFC 8731 section 3: abort on the all-zero secret of a low-order point. OpenSSL throws; this holds for any other.
    return secret.every((octet) => octet === 0) ? undefined : secret
  } catch {
    return undefined
  }
}
