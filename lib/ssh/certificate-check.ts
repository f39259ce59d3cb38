/** Whether a certificate, already verified, is good for one use. Everything not understood refuses. */
import { timingSafeEqual } from 'node:crypto'
import { err, ok, type Result } from '#lib/result'
import type { Certificate, CertificateKind } from './certificate.ts'
import { SshReader } from './reader.ts'
import { isSourcePermitted } from './source-address.ts'

/** What the certificate must be good for. */
export type CertificateUse = {
  readonly kind: CertificateKind
  /** Blobs of the trusted authorities. */
  readonly authorities: readonly Buffer[]
  /** Exact name that must be among the principals. */
  readonly principal: string
  readonly nowSeconds: number
  /** Address the holder comes from; without it a certificate bound to an address is refused. */
  readonly sourceAddress?: string
  /** Whether it, or its authority, was revoked (T23). */
  readonly isRevoked?: (certificate: Certificate) => boolean
}

export type CertificateRefusal = {
  readonly reason:
    | 'wrong_certificate_kind'
    | 'unknown_authority'
    | 'certificate_revoked'
    | 'certificate_not_yet_valid'
    | 'certificate_expired'
    | 'no_principals'
    | 'principal_mismatch'
    | 'unknown_critical_option'
    | 'source_address_refused'
}

/** A good certificate, and what its critical options demand of whoever takes it. */
export type CertificateDemands = {
  /** The only command that may run. */
  readonly forceCommand?: string
  /** Signatures by a security key must show a verified user. */
  readonly verifyRequired: boolean
}

/**
 * Checks a certificate against its use (PROTOCOL.certkeys, T22). An empty list of principals means "anyone" to
 * OpenSSH in places; here it is refused.
 */
export function checkCertificate(
  certificate: Certificate,
  use: CertificateUse,
): Result<CertificateDemands, CertificateRefusal> {
  const now = BigInt(use.nowSeconds)
  if (certificate.kind !== use.kind) return err({ reason: 'wrong_certificate_kind' })
  if (!isTrusted(certificate, use.authorities)) return err({ reason: 'unknown_authority' })
  if (use.isRevoked?.(certificate) === true) return err({ reason: 'certificate_revoked' })
  if (now < certificate.validAfter) return err({ reason: 'certificate_not_yet_valid' })
  if (now >= certificate.validBefore) return err({ reason: 'certificate_expired' })
  if (certificate.principals.length === 0) return err({ reason: 'no_principals' })
  if (!certificate.principals.includes(use.principal)) return err({ reason: 'principal_mismatch' })
  return checkOptions(certificate, use)
}

function isTrusted(certificate: Certificate, authorities: readonly Buffer[]): boolean {
  const signer = certificate.authority.blob
  return authorities.some((blob) => blob.length === signer.length && timingSafeEqual(blob, signer))
}

/** User certificates know three critical options; host certificates have none. */
function checkOptions(
  { kind, criticalOptions }: Certificate,
  use: CertificateUse,
): Result<CertificateDemands, CertificateRefusal> {
  for (const [name, data] of criticalOptions) {
    if (kind === 'host' || !isUnderstood(name, data)) {
      return err({ reason: 'unknown_critical_option' })
    }
  }
  const sources = readValue(criticalOptions.get('source-address'))
  if (sources !== undefined && !isSourcePermitted(sources, use.sourceAddress ?? '')) {
    return err({ reason: 'source_address_refused' })
  }
  const forceCommand = readValue(criticalOptions.get('force-command'))
  const verifyRequired = criticalOptions.has('verify-required')
  return ok({ verifyRequired, ...(forceCommand === undefined ? {} : { forceCommand }) })
}

/** Known, and its data of the form that it must have. */
function isUnderstood(name: string, data: Buffer): boolean {
  if (name === 'verify-required') return data.length === 0
  const takesText = name === 'force-command' || name === 'source-address'
  return takesText && readValue(data) !== undefined
}

/** Option data is itself a string in a string. */
function readValue(data: Buffer | undefined): string | undefined {
  if (data === undefined) return undefined
  const reader = new SshReader(data)
  const value = reader.text()
  return reader.complete ? value : undefined
}
