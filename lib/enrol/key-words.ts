/**
 * What names a device key to people and programs: words that terminal and browser show alike, and the key's digest.
 */
import { createHash } from 'node:crypto'
import { WORDS } from './word-list.ts'

/** Four of 256 words: 32 bits, enough to notice a swapped request; the key itself is bound by the CSR. */
const WORD_COUNT = 4
/** Keeps the words apart from every other use of the key's digest. */
const DOMAIN = 'zt key words v1\0'

/**
 * Words for a key, for a person to compare.
 * @param spki SubjectPublicKeyInfo, DER (RFC 5280 section 4.1.2.7).
 */
export function keyWords(spki: Uint8Array): string {
  const digest = createHash('sha256').update(DOMAIN).update(spki).digest()
  return [...digest.subarray(0, WORD_COUNT)].map((octet) => WORDS[octet] ?? '').join(' ')
}

/** SHA-256 of the SubjectPublicKeyInfo (DER), lower-case hex: the identity of a device key. */
export function keySha256(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('hex')
}
