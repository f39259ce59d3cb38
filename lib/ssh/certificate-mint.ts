/** Makes OpenSSH certificates (PROTOCOL.certkeys). Who may have one is decided by the caller. */
import { randomBytes } from 'node:crypto'
import type { CertificateKind } from './certificate.ts'
import { certificateName } from './key-algorithms.ts'
import { SshReader } from './reader.ts'
import type { SshSigner } from './signature.ts'
import { writeString, writeUint32, writeUint64 } from './writer.ts'

/** What signs certificates: a key in this process, or one elsewhere, which takes its time and may be out of reach. */
export type CertificateSigner = {
  /** Plain public key blob. */
  readonly blob: Buffer
  /** @returns an SSH signature blob over `data`. @throws {AuthorityUnavailable} */
  sign(data: Buffer): Buffer | Promise<Buffer>
}

/** The authority's key cannot be used now. */
export class AuthorityUnavailable extends Error {}

/** What to certify. */
export type CertificateOrder<Signer extends CertificateSigner = SshSigner> = {
  /** Plain public key blob of the holder. */
  readonly subject: Buffer
  readonly authority: Signer
  readonly kind: CertificateKind
  readonly keyId: string
  /** At least one: an empty list would stand for everyone. */
  readonly principals: readonly string[]
  /** Unix seconds, inclusive. */
  readonly validAfterSeconds: number
  /** Unix seconds, exclusive. */
  readonly validBeforeSeconds: number
  readonly serial: bigint
  /** Options with a text value, for example `source-address`; undefined stands for none, as `verify-required` wants. */
  readonly criticalOptions?: Readonly<Record<string, string | undefined>>
  /** Names of extensions without a value, for example `permit-pty`. */
  readonly extensions?: readonly string[]
}

/** Nonce octets, as OpenSSH makes them. */
const NONCE_OCTETS = 32

/** A serial that no other certificate has: 63 random bits. */
export function randomSerial(): bigint {
  return randomBytes(8).readBigUInt64BE() >> 1n
}

/** @returns the certificate blob. Throws when the order names no principal or no time: a bug of the caller. */
export function mintCertificate(order: CertificateOrder): Buffer {
  const signed = writeSigned(order)
  return Buffer.concat([signed, writeString(order.authority.sign(signed))])
}

/** The same by an authority that may take its time. @throws {AuthorityUnavailable} */
export async function requestCertificate(
  order: CertificateOrder<CertificateSigner>,
): Promise<Buffer> {
  const signed = writeSigned(order)
  return Buffer.concat([signed, writeString(await order.authority.sign(signed))])
}

/** All but the signature. */
function writeSigned(order: CertificateOrder<CertificateSigner>): Buffer {
  if (order.principals.length === 0) throw new RangeError('a certificate needs a principal')
  if (order.validAfterSeconds >= order.validBeforeSeconds) throw new RangeError('no validity')
  const subject = new SshReader(order.subject)
  const type = certificateName(subject.text())
  return Buffer.concat([
    writeString(type),
    writeString(randomBytes(NONCE_OCTETS)),
    subject.rest,
    writeUint64(order.serial),
    writeUint32(order.kind === 'user' ? 1 : 2),
    writeString(order.keyId),
    writeString(Buffer.concat(order.principals.map(writeString))),
    writeUint64(BigInt(order.validAfterSeconds)),
    writeUint64(BigInt(order.validBeforeSeconds)),
    writeOptions(Object.entries(order.criticalOptions ?? {})),
    writeOptions((order.extensions ?? []).map((name) => [name, undefined])),
    writeString(''),
    writeString(order.authority.blob),
  ])
}

/** Sorted by name, each value a string in a string. */
function writeOptions(options: readonly (readonly [string, string | undefined])[]): Buffer {
  const sorted = options.toSorted(([a], [b]) => (a < b ? -1 : 1))
  const fields = sorted.map(([name, value]) => {
    const data = value === undefined ? '' : writeString(value)
    return Buffer.concat([writeString(name), writeString(data)])
  })
  return writeString(Buffer.concat(fields))
}
