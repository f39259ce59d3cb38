/**
 * SSH signature blobs: verify and make (RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709, OpenSSH PROTOCOL.u2f).
 * RSA only with SHA-2: `ssh-rsa` is no signature name here.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { err, ok, type Result } from '#lib/result'
import { keyAlgorithm } from './key-algorithms.ts'
import { CURVES, curveOf, type PublicKey, publicKeyBlob } from './public-key.ts'
import { SshReader } from './reader.ts'
import { writePositiveInteger, writeString } from './writer.ts'

/** Flags that the security key signed (FIDO CTAP2 section 6.1). */
export type SecurityKeyProof = {
  readonly userPresent: boolean
  readonly userVerified: boolean
  readonly counter: number
}

export type VerifiedSignature = {
  readonly algorithm: string
  readonly securityKey?: SecurityKeyProof
}

export type SignatureError = {
  readonly reason:
    | 'malformed_signature'
    | 'signature_algorithm_refused'
    | 'no_user_presence'
    | 'bad_signature'
}

/** Something that signs as one key. */
export type SshSigner = {
  /** Plain public key blob. */
  readonly blob: Buffer
  /** Name in the signature blob. */
  readonly algorithm: string
  /** @returns an SSH signature blob over `data`. */
  sign(data: Buffer): Buffer
}

/**
 * Verifies a signature blob by a plain key over `data`.
 * A security key's signature without a touch is refused, whatever the key says (T24).
 * @param wanted the only signature name to take, when the protocol named one beforehand.
 */
export function verifySignature(
  key: PublicKey,
  signatureBlob: Buffer,
  data: Buffer,
  wanted?: string,
): Result<VerifiedSignature, SignatureError> {
  const reader = new SshReader(signatureBlob)
  const algorithm = reader.string().toString('latin1')
  const signature = reader.string()
  const securityKey = key.application === undefined ? undefined : readProof(reader)
  if (!reader.complete) return err({ reason: 'malformed_signature' })
  const isRefused = !signsFor(algorithm, key) || (wanted ?? algorithm) !== algorithm
  if (isRefused) return err({ reason: 'signature_algorithm_refused' })
  if (securityKey?.userPresent === false) return err({ reason: 'no_user_presence' })

  const signed =
    key.application === undefined
      ? data
      : fidoData(key.application, signatureBlob.subarray(-5), data)
  if (!verifyRaw(algorithm, key.key, signature, signed)) return err({ reason: 'bad_signature' })
  return ok({ algorithm, ...(securityKey ? { securityKey } : {}) })
}

/** A signer over a node private key: Ed25519, ECDSA by curve, RSA with SHA-512. Throws on other kinds: a bug. */
export function signerFor(privateKey: KeyObject): SshSigner {
  const blob = publicKeyBlob(createPublicKey(privateKey))
  const type = new SshReader(blob).text()
  const algorithm = type === 'ssh-rsa' ? 'rsa-sha2-512' : type
  const signRaw = (data: Buffer): Buffer => {
    if (algorithm === 'ssh-ed25519') return sign(null, data, privateKey)
    if (algorithm === 'rsa-sha2-512') return sign('sha512', data, privateKey)
    const { hash, octets } = CURVES[curveOf(algorithm)]
    const pair = sign(hash, data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const numbers = [pair.subarray(0, octets), pair.subarray(octets)]
    return Buffer.concat(numbers.map(writePositiveInteger))
  }
  return {
    blob,
    algorithm,
    sign: (data) => Buffer.concat([writeString(algorithm), writeString(signRaw(data))]),
  }
}

function signsFor(algorithm: string, key: PublicKey): boolean {
  const known = keyAlgorithm(algorithm)
  return known !== undefined && !known.isCertificate && known.keyType === key.type
}

/** Five octets after the signature proper: flags and counter. */
function readProof(reader: SshReader): SecurityKeyProof {
  const flags = reader.byte()
  const counter = reader.uint32()
  return { userPresent: (flags & 1) !== 0, userVerified: (flags & 4) !== 0, counter }
}

/** What the security key signs: hash of the application, flags, counter, hash of the data (PROTOCOL.u2f). */
function fidoData(application: Buffer, proof: Buffer, data: Buffer): Buffer {
  return Buffer.concat([sha256(application), proof, sha256(data)])
}

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest()
}

/** Node throws on some malformed signatures; that too is a signature that does not verify. */
function verifyRaw(algorithm: string, key: KeyObject, signature: Buffer, data: Buffer): boolean {
  try {
    if (algorithm.includes('ed25519')) return verify(null, data, key, signature)
    if (algorithm === 'rsa-sha2-512') return verify('sha512', data, key, signature)
    if (algorithm === 'rsa-sha2-256') return verify('sha256', data, key, signature)
    const { hash, octets } = CURVES[curveOf(algorithm)]
    const pair = readPair(signature, octets)
    return pair !== undefined && verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, pair)
  } catch {
    return false
  }
}

/** Two mpints (RFC 5656 section 3.1.2) to two numbers of the curve's width. */
function readPair(signature: Buffer, octets: number): Buffer | undefined {
  const reader = new SshReader(signature)
  const numbers = [reader.positiveInteger(), reader.positiveInteger()]
  if (!reader.complete || numbers.some((number) => number.length > octets)) return undefined
  return Buffer.concat(numbers.flatMap((number) => [Buffer.alloc(octets - number.length), number]))
}
