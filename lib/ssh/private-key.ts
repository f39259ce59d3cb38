/**
 * Private keys as OpenSSH keeps them in files and hands them to agents (PROTOCOL.key, draft-ietf-sshm-ssh-agent
 * section 3.2). OpenSSH 9.2 reads Ed25519 from no other kind of file.
 */
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { err, ok, type Result } from '#lib/result'
import { CURVES, type CurveName, publicKeyBlob } from './public-key.ts'
import { SshReader } from './reader.ts'
import { writePositiveInteger, writeString, writeUint32 } from './writer.ts'

export type PrivateKeyRefusal = {
  readonly reason: 'encrypted_private_key' | 'bad_private_key' | 'unsupported_private_key'
}

const BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----'
const END = '-----END OPENSSH PRIVATE KEY-----'
const MAGIC = 'openssh-key-v1\0'
/** Padding is 1, 2, 3 … up to the block of the cipher "none". */
const BLOCK_OCTETS = 8
const LINE_LENGTH = 70
/** An RSA key of 8192 bits has 7 KiB. */
const FILE_LIMIT = 32 * 1024

/** The secret part behind a public key or certificate, as agents take it. Ed25519 and ECDSA; throws on others: a bug. */
export function secretFields(key: KeyObject): Buffer {
  const { kty, d, x } = key.export({ format: 'jwk' })
  if (kty === 'EC') return writePositiveInteger(octetsOf(d))
  if (kty !== 'OKP') throw new TypeError('no secret fields for this kind of key')
  const point = octetsOf(x)
  return Buffer.concat([writeString(point), writeString(Buffer.concat([octetsOf(d), point]))])
}

/** Prints an Ed25519 or ECDSA key without a passphrase: for a file of mode 0600. */
export function printPrivateKey(key: KeyObject, comment: string): string {
  const blob = publicKeyBlob(createPublicKey(key))
  // Ed25519 repeats its point with the secret.
  const head =
    key.asymmetricKeyType === 'ed25519' ? writeString(new SshReader(blob).string()) : blob
  const check = writeUint32(Buffer.from(blob.subarray(-4)).readUInt32BE())
  const plain = Buffer.concat([check, check, head, secretFields(key), writeString(comment)])
  const missing = (BLOCK_OCTETS - (plain.length % BLOCK_OCTETS)) % BLOCK_OCTETS
  const padding = Buffer.from(Array.from({ length: missing }, (_, index) => index + 1))
  const none = writeString('none')
  const file = Buffer.concat([
    ...[Buffer.from(MAGIC), none, none, writeString(''), writeUint32(1), writeString(blob)],
    writeString(Buffer.concat([plain, padding])),
  ])
  const lines = file.toString('base64').match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? []
  return [BEGIN, ...lines, END, ''].join('\n')
}

/** Reads a key without a passphrase: OpenSSH's own form, or PEM. Never throws, and repeats nothing of the text. */
export function readPrivateKey(text: string): Result<KeyObject, PrivateKeyRefusal> {
  if (text.length > FILE_LIMIT) return err({ reason: 'bad_private_key' })
  if (/ENCRYPTED/.test(text)) return err({ reason: 'encrypted_private_key' })
  return text.trimStart().startsWith(BEGIN) ? readOpenSsh(text.trim()) : readPem(text)
}

function readPem(text: string): Result<KeyObject, PrivateKeyRefusal> {
  try {
    const key = createPrivateKey(text)
    publicKeyBlob(createPublicKey(key))
    return ok(key)
  } catch {
    return err({ reason: 'bad_private_key' })
  }
}

function readOpenSsh(text: string): Result<KeyObject, PrivateKeyRefusal> {
  const body = text.slice(BEGIN.length, text.endsWith(END) ? -END.length : undefined)
  const reader = new SshReader(Buffer.from(body, 'base64'))
  const magic = reader.bytes(MAGIC.length).toString('latin1')
  const cipher = reader.string().toString('latin1')
  reader.string()
  reader.string()
  const count = reader.uint32()
  const blob = reader.string()
  const secret = new SshReader(reader.string())
  if (magic !== MAGIC || count !== 1 || reader.failed) return err({ reason: 'bad_private_key' })
  if (cipher !== 'none') return err({ reason: 'encrypted_private_key' })
  const check = secret.uint32()
  if (secret.uint32() !== check) return err({ reason: 'bad_private_key' })
  const jwk = readSecret(secret)
  if (jwk === undefined) return err({ reason: 'unsupported_private_key' })
  const key = secret.failed ? undefined : importKey(jwk)
  const isWhole = key !== undefined && publicKeyBlob(createPublicKey(key)).equals(blob)
  return isWhole ? ok(key) : err({ reason: 'bad_private_key' })
}

function readSecret(reader: SshReader): JsonWebKey | undefined {
  const type = reader.string().toString('latin1')
  if (type === 'ssh-ed25519') return readEd25519(reader)
  if (type === 'ssh-rsa') return readRsa(reader)
  const curve = type.replace(/^ecdsa-sha2-/, '')
  return Object.hasOwn(CURVES, curve) ? readEcdsa(reader, curve as CurveName) : undefined
}

function readEd25519(reader: SshReader): JsonWebKey {
  const point = reader.string()
  const seed = reader.string().subarray(0, point.length)
  return { kty: 'OKP', crv: 'Ed25519', x: textOf(point), d: textOf(seed) }
}

function readEcdsa(reader: SshReader, curve: CurveName): JsonWebKey {
  const { jwk: crv, octets } = CURVES[curve]
  reader.string()
  const point = reader.string()
  const scalar = reader.positiveInteger()
  const d = Buffer.concat([Buffer.alloc(Math.max(octets - scalar.length, 0)), scalar])
  const [x, y] = [point.subarray(1, 1 + octets), point.subarray(1 + octets)]
  return { kty: 'EC', crv, x: textOf(x), y: textOf(y), d: textOf(d) }
}

function readRsa(reader: SshReader): JsonWebKey {
  const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => reader.positiveInteger())
  const exponent = (prime: Buffer | undefined) => modulo(d, prime)
  const own = { n, e, d, qi, p, q, dp: exponent(p), dq: exponent(q) }
  const texts = Object.entries(own).map(([name, octets]) => [name, textOf(octets)])
  return { kty: 'RSA', ...Object.fromEntries(texts) }
}

/** d mod (prime - 1): the one part of a key that OpenSSH leaves to be computed. */
function modulo(d: Buffer | undefined, prime: Buffer | undefined): Buffer {
  if (d === undefined || prime === undefined || prime.length === 0) return Buffer.alloc(0)
  const number = (octets: Buffer) => BigInt(`0x${octets.toString('hex') || '0'}`)
  const below = number(prime) - 1n
  const hex = (below > 0n ? number(d) % below : 0n).toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
}

function importKey(jwk: JsonWebKey): KeyObject | undefined {
  try {
    return createPrivateKey({ key: jwk, format: 'jwk' })
  } catch {
    return undefined
  }
}

function octetsOf(base64url: string | undefined): Buffer {
  return Buffer.from(base64url ?? '', 'base64url')
}

function textOf(octets: Buffer | undefined): string {
  return (octets ?? Buffer.alloc(0)).toString('base64url')
}
