/** SSH certificates that are good for nothing any more: one by its serial, some by their key id, all of an authority (T23). */
import { type RevocationList, type RevokedCertificates, writeRevocationList } from '#lib/ssh/krl'
import { fingerprint } from '#lib/ssh/public-key'
import { parsePublicKeyLine } from '#lib/ssh/public-key-line'
import type { SshAuthority } from './ssh-authority.ts'

export const REVOCATION_KINDS = ['serial', 'key_id', 'authority'] as const

export type SshRevocation = {
  readonly kind: (typeof REVOCATION_KINDS)[number]
  /** Decimal serial, key id, or fingerprint of the authority. Serials are random: one names one certificate. */
  readonly value: string
  /** Unix milliseconds. */
  readonly atMs: number
}

/** What of a certificate may be revoked. */
export type CertificateMark = {
  readonly serial: bigint
  readonly keyId: string
  readonly authority: { readonly blob: Buffer }
}

/** Revocations, ready to be asked. */
export type RevocationIndex = {
  /** Values by kind. */
  readonly serials: ReadonlySet<string>
  readonly keyIds: ReadonlySet<string>
  readonly authorities: ReadonlySet<string>
  readonly isRevoked: (mark: CertificateMark) => boolean
}

export function indexRevocations(revocations: readonly SshRevocation[]): RevocationIndex {
  const of = (kind: SshRevocation['kind']): ReadonlySet<string> =>
    new Set(revocations.filter((one) => one.kind === kind).map(({ value }) => value))
  const [serials, keyIds, authorities] = [of('serial'), of('key_id'), of('authority')]
  return {
    ...{ serials, keyIds, authorities },
    isRevoked: ({ serial, keyId, authority }) =>
      serials.has(serial.toString()) ||
      keyIds.has(keyId) ||
      (authorities.size > 0 && authorities.has(fingerprint(authority.blob))),
  }
}

/** The list as OpenSSH reads it: every revocation under every authority that was ever ours. */
export function revocationFile(
  revocations: readonly SshRevocation[],
  authorities: readonly SshAuthority[],
  nowMs: number,
): Buffer {
  const valuesOf = (kind: SshRevocation['kind']): string[] =>
    revocations.filter((one) => one.kind === kind).map(({ value }) => value)
  const blobs = authorities.map((one) => ({ id: one.id, blob: blobOf(one) }))
  const revoked = valuesOf('authority')
  const serials = valuesOf('serial').map(BigInt)
  const keyIds = valuesOf('key_id')
  const list: RevocationList = {
    version: BigInt(revocations.length),
    generatedAtSeconds: Math.floor(nowMs / 1000),
    comment: 'zt',
    certificates: blobs.map(
      ({ blob }): RevokedCertificates => ({ authority: blob, serials, keyIds }),
    ),
    keys: blobs.filter(({ id }) => revoked.includes(id)).map(({ blob }) => blob),
  }
  return writeRevocationList(list)
}

/** The plain key blob. @throws {Error} on a line that is none: a bug, it was checked before it was kept. */
export function blobOf({ id, publicKey }: SshAuthority): Buffer {
  const line = parsePublicKeyLine(publicKey)
  if (!line.ok) throw new Error(`the stored key of authority ${id} is none`)
  return line.value.blob
}
