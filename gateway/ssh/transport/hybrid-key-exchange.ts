/**
 * mlkem768x25519-sha256 (draft-ietf-sshm-mlkem-hybrid-kex): ML-KEM-768 (FIPS 203) and X25519 side by side, so that the
 * secret stands as long as one of them does.
 *
 *   client ── ek(1184) ‖ x25519(32) ──► server
 *   client ◄── ct(1088) ‖ x25519(32) ── server      K = SHA-256(K_PQ ‖ K_CL), encoded as a string, not as a number
 */
import { createHash } from 'node:crypto'
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { writeString } from '#lib/ssh/writer'
import type { KexAnswer, KexMethod, KeyAgreement } from './key-exchange-method.ts'
import { beginX25519, X25519_OCTETS } from './x25519.ts'

/** FIPS 203 table 3. */
const ENCAPSULATION_KEY_OCTETS = 1184
const CIPHERTEXT_OCTETS = 1088

export const mlkem768x25519: KexMethod = { hash: 'sha256', begin, answer }

function begin(): KeyAgreement {
  const { publicKey, secretKey } = ml_kem768.keygen()
  const classic = beginX25519()
  return {
    publicValue: Buffer.concat([publicKey, classic.publicValue]),
    agree(serverValue) {
      const parts = split(serverValue, CIPHERTEXT_OCTETS)
      const second = parts && classic.agree(parts.classic)
      if (parts === undefined || second === undefined) return undefined
      // A forged ciphertext gives a secret that nobody has (implicit rejection): the host's proof then fails.
      return combine(ml_kem768.decapsulate(parts.quantum, secretKey), second)
    },
  }
}

function answer(clientValue: Buffer): KexAnswer | undefined {
  const parts = split(clientValue, ENCAPSULATION_KEY_OCTETS)
  if (parts === undefined) return undefined
  const classic = beginX25519()
  const second = classic.agree(parts.classic)
  const first = second && encapsulate(parts.quantum)
  if (first === undefined || second === undefined) return undefined
  return {
    publicValue: Buffer.concat([first.cipherText, classic.publicValue]),
    secret: combine(first.sharedSecret, second),
  }
}

function split(value: Buffer, quantumOctets: number) {
  if (value.length !== quantumOctets + X25519_OCTETS) return undefined
  return { quantum: value.subarray(0, quantumOctets), classic: value.subarray(quantumOctets) }
}

/** @returns undefined for a key whose coefficients are not reduced (FIPS 203 section 7.2: the modulus check). */
function encapsulate(key: Buffer) {
  try {
    return ml_kem768.encapsulate(key)
  } catch {
    return undefined
  }
}

function combine(first: Uint8Array, second: Buffer): Buffer {
  return writeString(createHash('sha256').update(first).update(second).digest())
}
