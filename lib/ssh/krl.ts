/**
 * Writes key revocation lists as OpenSSH reads them (PROTOCOL.krl): `RevokedKeys` of sshd(8), `RevokedHostKeys` of ssh(1).
 */
import { writeByte, writeString, writeUint32, writeUint64 } from './writer.ts'

/** Certificates of one authority that are good for nothing any more. */
export type RevokedCertificates = {
  /** Plain key blob of the authority. */
  readonly authority: Buffer
  readonly serials: readonly bigint[]
  readonly keyIds: readonly string[]
}

export type RevocationList = {
  /** Rises with every change. */
  readonly version: bigint
  /** Unix seconds. */
  readonly generatedAtSeconds: number
  readonly comment: string
  readonly certificates: readonly RevokedCertificates[]
  /** Plain key blobs: as keys, and as authorities of all that they signed. */
  readonly keys: readonly Buffer[]
}

/** `SSHKRL\n\0` */
const MAGIC = 0x53_53_48_4b_52_4c_0a_00n
const FORMAT_VERSION = 1
const SECTION = { certificates: 1, explicitKey: 2, serialList: 0x20, keyId: 0x23 } as const

/** @returns the file. Throws on the serial 0, which stands for none: a bug. */
export function writeRevocationList(list: RevocationList): Buffer {
  const { version, generatedAtSeconds, comment, certificates, keys } = list
  return Buffer.concat([
    writeUint64(MAGIC),
    writeUint32(FORMAT_VERSION),
    writeUint64(version),
    writeUint64(BigInt(generatedAtSeconds)),
    writeUint64(0n), // flags
    writeString(''), // reserved
    writeString(comment),
    ...certificates.map((one) => section(SECTION.certificates, certificateSection(one))),
    section(SECTION.explicitKey, keys.map(writeString)),
  ])
}

function certificateSection({ authority, serials, keyIds }: RevokedCertificates): Buffer[] {
  if (serials.includes(0n)) throw new RangeError('no certificate has the serial 0')
  return [
    writeString(authority),
    writeString(''), // reserved
    section(SECTION.serialList, serials.toSorted(ascending).map(writeUint64)),
    section(SECTION.keyId, keyIds.map(writeString)),
  ]
}

/** Nothing for nothing: readers refuse an empty section. */
function section(type: number, parts: readonly Buffer[]): Buffer {
  if (parts.length === 0) return Buffer.alloc(0)
  return Buffer.concat([writeByte(type), writeString(Buffer.concat(parts))])
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : 1
}
