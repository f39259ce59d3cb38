/**
 * SSH public key blobs (RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4, OpenSSH PROTOCOL.u2f).
 * Certificates are refused here, so that a certificate never stands where a plain key is wanted (T22).
 */
import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { err, ok, type Result } from '#lib/result'
import type { KeyType } from './key-algorithms.ts'
import { SshReader } from './reader.ts'
import { writePositiveInteger, writeString } from './writer.ts'

/** A parsed key; `blob` is its own encoding, equal for equal keys. */
export type PublicKey = {
  readonly type: KeyType
  readonly blob: Buffer
  readonly key: KeyObject
  /** FIDO application of an `sk-*` key. */
  readonly application?: Buffer
}

export type PublicKeyError = {
  readonly reason: 'malformed_key' | 'unsupported_key' | 'weak_key' | 'oversized_key'
}

/** Curve names of RFC 5656 section 10.1, their JWK names, and octets of one coordinate. */
export const CURVES = {
  nistp256: { jwk: 'P-256', octets: 32, hash: 'sha256' },
  nistp384: { jwk: 'P-384', octets: 48, hash: 'sha384' },
  nistp521: { jwk: 'P-521', octets: 66, hash: 'sha512' },
} as const
export type CurveName = keyof typeof CURVES

/** NIST SP 800-131A: 2048 bits at least. OpenSSH takes up to 16384; verifying beyond 8192 is a way to burn CPU (T05). */
const RSA_BITS = { least: 2048, most: 8192 }
/** Public exponents in use are 3, 17, 37 and 65537; a long one only costs CPU (T05). */
const RSA_EXPONENT_OCTETS = 4

/** @returns the key, or why the blob is none. Never throws. */
export function parsePublicKey(blob: Buffer): Result<PublicKey, PublicKeyError> {
  const reader = new SshReader(blob)
  const key = readKeyFields(reader.text(), reader)
  return key.ok && !reader.complete ? err({ reason: 'malformed_key' }) : key
}

/** Reads the fields after the type string; used for plain blobs and inside certificates. */
export function readKeyFields(type: string, reader: SshReader): Result<PublicKey, PublicKeyError> {
  switch (type) {
    case 'ssh-ed25519':
    case 'sk-ssh-ed25519@openssh.com':
      return readEd25519(type, reader)
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return readEcdsa(type, reader)
    case 'ssh-rsa':
      return readRsa(reader)
    default:
      return err({ reason: 'unsupported_key' })
  }
}

/** Curve of an ECDSA key type or signature name. */
export function curveOf(name: string): CurveName {
  if (name.includes('nistp521')) return 'nistp521'
  return name.includes('nistp384') ? 'nistp384' : 'nistp256'
}

/** The plain blob of a node public key (Ed25519, P-256, P-384, P-521 or RSA). Throws on any other kind: a bug. */
export function publicKeyBlob(key: KeyObject): Buffer {
  const jwk = key.export({ format: 'jwk' })
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') {
    return Buffer.concat([writeString('ssh-ed25519'), writeString(octetsOf(jwk.x))])
  }
  if (jwk.kty === 'RSA') {
    const numbers = [jwk.e, jwk.n].map((number) => writePositiveInteger(octetsOf(number)))
    return Buffer.concat([writeString('ssh-rsa'), ...numbers])
  }
  const curve = jwk.kty === 'EC' ? `nistp${jwk.crv?.slice(2)}` : ''
  if (!(curve in CURVES)) throw new TypeError('no SSH public key of this kind')
  const point = Buffer.concat([Buffer.of(4), octetsOf(jwk.x), octetsOf(jwk.y)])
  return Buffer.concat([writeString(`ecdsa-sha2-${curve}`), writeString(curve), writeString(point)])
}

/** As `ssh-keygen -l` prints it: `SHA256:` and unpadded base64. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

function readEd25519(
  type: 'ssh-ed25519' | 'sk-ssh-ed25519@openssh.com',
  reader: SshReader,
): Result<PublicKey, PublicKeyError> {
  const point = reader.string()
  if (point.length !== 32) return err({ reason: 'malformed_key' })
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') }
  return finish(type, [point], jwk, reader)
}

function readEcdsa(
  type: Exclude<KeyType, 'ssh-rsa' | 'ssh-ed25519' | 'sk-ssh-ed25519@openssh.com'>,
  reader: SshReader,
): Result<PublicKey, PublicKeyError> {
  const curve = curveOf(type)
  const { jwk: crv, octets } = CURVES[curve]
  const named = reader.string()
  const point = reader.string()
  const isUncompressed = point[0] === 4 && point.length === 1 + 2 * octets
  if (named.toString('latin1') !== curve || !isUncompressed) return err({ reason: 'malformed_key' })
  const x = point.toString('base64url', 1, 1 + octets)
  const y = point.toString('base64url', 1 + octets)
  return finish(type, [named, point], { kty: 'EC', crv, x, y }, reader)
}

function readRsa(reader: SshReader): Result<PublicKey, PublicKeyError> {
  const exponent = reader.positiveInteger()
  const modulus = reader.positiveInteger()
  if (reader.failed) return err({ reason: 'malformed_key' })
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24
  if (bits > RSA_BITS.most || exponent.length > RSA_EXPONENT_OCTETS) {
    return err({ reason: 'oversized_key' })
  }
  const isExponentWeak = !isOdd(exponent) || (exponent.length === 1 && exponent[0] === 1)
  if (bits < RSA_BITS.least || isExponentWeak || !isOdd(modulus)) return err({ reason: 'weak_key' })
  const jwk = { kty: 'RSA', e: exponent.toString('base64url'), n: modulus.toString('base64url') }
  const key = importKey(jwk)
  if (key === undefined) return err({ reason: 'malformed_key' })
  const numbers = [writePositiveInteger(exponent), writePositiveInteger(modulus)]
  return ok({ type: 'ssh-rsa', blob: Buffer.concat([writeString('ssh-rsa'), ...numbers]), key })
}

/** Reads the application of an `sk-*` key and builds the value. */
function finish(
  type: KeyType,
  fields: readonly Buffer[],
  jwk: JsonWebKey,
  reader: SshReader,
): Result<PublicKey, PublicKeyError> {
  const application = type.startsWith('sk-') ? Buffer.from(reader.string()) : undefined
  const key = reader.failed ? undefined : importKey(jwk)
  if (key === undefined) return err({ reason: 'malformed_key' })
  const strings = [type, ...fields, ...(application ? [application] : [])]
  const blob = Buffer.concat(strings.map(writeString))
  return ok({ type, blob, key, ...(application ? { application } : {}) })
}

/** Node throws on a point that is not on its curve. */
function importKey(jwk: JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return undefined
  }
}

function isOdd(magnitude: Buffer): boolean {
  return ((magnitude.at(-1) ?? 0) & 1) === 1
}

function octetsOf(base64url: string | undefined): Buffer {
  return Buffer.from(base64url ?? '', 'base64url')
}
