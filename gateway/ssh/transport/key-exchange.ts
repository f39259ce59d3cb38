/**
 * Methods of key exchange: curve25519-sha256 (RFC 8731), ecdh-sha2-nistp* (RFC 5656 section 4), and the hybrid.
 * Public values of small order, off the curve or of another form yield no secret (T04).
 */
import { createECDH } from 'node:crypto'
import { writePositiveInteger } from '#lib/ssh/writer'
import { mlkem768x25519 } from './hybrid-key-exchange.ts'
import type { KexMethod, KeyAgreement } from './key-exchange-method.ts'
import { beginX25519 } from './x25519.ts'

const curve25519 = diffieHellman('sha256', () => {
  const { publicValue, agree } = beginX25519()
  return { publicValue, agree: (peerValue) => positive(agree(peerValue)) }
})

/** Methods by name. */
export const KEX_METHODS: ReadonlyMap<string, KexMethod> = new Map([
  ['mlkem768x25519-sha256', mlkem768x25519],
  ['curve25519-sha256', curve25519],
  ['curve25519-sha256@libssh.org', curve25519],
  ['ecdh-sha2-nistp256', nist('prime256v1', 'sha256', 32)],
  ['ecdh-sha2-nistp384', nist('secp384r1', 'sha384', 48)],
])

/** Both sides do the same. */
function diffieHellman(hash: KexMethod['hash'], begin: () => KeyAgreement): KexMethod {
  return {
    ...{ hash, begin },
    answer(clientValue) {
      const { publicValue, agree } = begin()
      const secret = agree(clientValue)
      return secret && { publicValue, secret }
    },
  }
}

function positive(secret: Buffer | undefined): Buffer | undefined {
  return secret && writePositiveInteger(secret)
}

function nist(curve: string, hash: KexMethod['hash'], octets: number): KexMethod {
  return diffieHellman(hash, () => {
    const ecdh = createECDH(curve)
    return {
      publicValue: ecdh.generateKeys(),
      agree(peerValue) {
        if (peerValue[0] !== 4 || peerValue.length !== 1 + 2 * octets) return undefined
        try {
          return writePositiveInteger(ecdh.computeSecret(peerValue))
        } catch {
          return undefined // not on the curve
        }
      },
    }
  })
}
