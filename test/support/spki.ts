import { createHash, type KeyObject } from 'node:crypto'

/** SHA-256 of the SubjectPublicKeyInfo, hex. */
export function spkiDigest(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}
