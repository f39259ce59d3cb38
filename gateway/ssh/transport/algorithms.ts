/**
 * Ciphers and MACs by name, and the lists that are offered. No CBC, no SHA-1, no plain Diffie-Hellman groups (T13).
 * A client's order wins (RFC 4253 section 7.1), so as a server we choose by what we leave out.
 */
import type { AlgorithmLists } from './transport-types.ts'

/** How packets are protected. */
export type CipherSpec = {
  readonly family: 'gcm' | 'chacha' | 'ctr'
  /** Name in node:crypto and in the native binding. */
  readonly node: string
  readonly keyOctets: number
  readonly ivOctets: number
  readonly blockOctets: number
}

export type MacSpec = {
  readonly hash: 'sha256' | 'sha512'
  /** Length of key and of MAC alike (RFC 6668). */
  readonly octets: number
  /** Encrypt-then-MAC: the length stays readable, the MAC is checked before anything is decrypted. */
  readonly etm: boolean
}

const aes = (family: 'gcm' | 'ctr', bits: number): CipherSpec => ({
  family,
  node: `aes-${bits}-${family}`,
  keyOctets: bits / 8,
  ivOctets: family === 'gcm' ? 12 : 16,
  blockOctets: 16,
})

/** RFC 5647 as OpenSSH does it, RFC 4344, OpenSSH PROTOCOL.chacha20poly1305. */
export const CIPHERS: ReadonlyMap<string, CipherSpec> = new Map([
  ['aes256-gcm@openssh.com', aes('gcm', 256)],
  ['aes128-gcm@openssh.com', aes('gcm', 128)],
  [
    'chacha20-poly1305@openssh.com',
    { family: 'chacha', node: 'chacha20', keyOctets: 64, ivOctets: 0, blockOctets: 8 },
  ],
  ['aes256-ctr', aes('ctr', 256)],
  ['aes128-ctr', aes('ctr', 128)],
])

/** RFC 6668, and OpenSSH PROTOCOL section 1.3 for the `-etm` forms. */
export const MACS: ReadonlyMap<string, MacSpec> = new Map([
  ['hmac-sha2-256-etm@openssh.com', { hash: 'sha256', octets: 32, etm: true }],
  ['hmac-sha2-512-etm@openssh.com', { hash: 'sha512', octets: 64, etm: true }],
  ['hmac-sha2-256', { hash: 'sha256', octets: 32, etm: false }],
  ['hmac-sha2-512', { hash: 'sha512', octets: 64, etm: false }],
])

/** First: what is recorded today stays closed to a quantum computer of later. */
const HYBRID = ['mlkem768x25519-sha256']
const CURVE25519 = ['curve25519-sha256', 'curve25519-sha256@libssh.org']
const NIST = ['ecdh-sha2-nistp384', 'ecdh-sha2-nistp256']
const GCM = ['aes256-gcm@openssh.com', 'aes128-gcm@openssh.com']
const CHACHA = ['chacha20-poly1305@openssh.com']
/** Last: hashing each octet costs five times AES-GCM where the CPU has no SHA instructions. */
const CTR = ['aes256-ctr', 'aes128-ctr']

/**
 * What is offered to users' clients. ChaCha20 is absent: OpenSSH would choose it before AES-GCM, at half the speed,
 * and every client that has it has AES-CTR at least.
 */
export const SERVER_ALGORITHMS: AlgorithmLists = {
  kex: [...HYBRID, ...CURVE25519],
  ciphers: [...GCM, ...CTR],
  macs: [...MACS.keys()],
}

/** What is offered to targets. ChaCha20 takes part only where the native binding was found. */
export const CLIENT_ALGORITHMS: AlgorithmLists = {
  kex: [...HYBRID, ...CURVE25519],
  ciphers: [...GCM, ...CHACHA, ...CTR],
  macs: [...MACS.keys()],
}

/** Signatures by approved curves and RSA (FIPS 186-5); of Ed25519 not every module knows. */
const NIST_SIGNATURES = [
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'rsa-sha2-512',
  'rsa-sha2-256',
]

/** Only algorithms of FIPS 140-3 modules: the one place with NIST curves. */
export const FIPS_ALGORITHMS: AlgorithmLists = {
  kex: NIST,
  ciphers: [...GCM, ...CTR],
  macs: [...MACS.keys()],
  signatures: NIST_SIGNATURES,
}
