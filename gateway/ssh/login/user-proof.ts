/**
 * A public key or certificate that a user's client offers (RFC 4252 section 7). A plain key proves only that its holder
 * can sign: it adds no identity. A certificate of ours must be for the person behind the tunnel.
 */
import { err, ok, type Result } from '#lib/result'
import { type Certificate, parseCertificate } from '#lib/ssh/certificate'
import { checkCertificate } from '#lib/ssh/certificate-check'
import type { KeyAlgorithm } from '#lib/ssh/key-algorithms'
import { fingerprint, type PublicKey, parsePublicKey } from '#lib/ssh/public-key'
import { SshReader } from '#lib/ssh/reader'
import { type VerifiedSignature, verifySignature } from '#lib/ssh/signature'
import { writeString } from '#lib/ssh/writer'
import { keyIdPrefix } from './ca.ts'

export type UserProofSettings = {
  /** Session id of the user's transport: a signature is good in this session only. */
  readonly sessionId: Buffer
  /** Email of the user behind the tunnel, or name of the service. */
  readonly userEmail: string
  /** Blobs of our authorities for users, old ones included while they are trusted. */
  readonly userAuthorities: readonly Buffer[]
  /** Whether a certificate of ours, or its authority, was revoked (T23). */
  readonly isRevoked?: (certificate: Certificate) => boolean
  /** Names of signatures that count; absent: all that we verify. */
  readonly signatures?: readonly string[] | undefined
  /** `required`: only a certificate of ours for this user suffices. */
  readonly certificate: 'optional' | 'required'
  /** Address of the tunnel's other end, for certificates bound to one. */
  readonly sourceAddress: string
  /** Unix seconds now. */
  readonly nowSeconds: () => number
}

/** What the client proved, for the record. */
export type UserProof =
  | { readonly method: 'none' }
  | { readonly method: 'publickey'; readonly fingerprint: string }
  | {
      readonly method: 'certificate'
      readonly fingerprint: string
      readonly keyId: string
      readonly serial: bigint
      readonly authority: { readonly blob: Buffer }
      /** The only command that may run in this session; ours to enforce (T22). */
      readonly forceCommand?: string
    }

/** One publickey request. */
export type KeyOffer = {
  readonly algorithm: KeyAlgorithm
  readonly blob: Buffer
  /** The request up to its signature. */
  readonly signed: Buffer
  /** Absent in a query, which proves nothing (T20). */
  readonly signature: Buffer | undefined
  readonly unixUser: string
}

/** @returns the proof; `ok(undefined)` for a query about a usable key; or why the offer is no good. Never throws. */
export function proveKey(
  offer: KeyOffer,
  settings: UserProofSettings,
): Result<UserProof | undefined, { readonly reason: string }> {
  const { algorithm, blob } = offer
  if (new SshReader(blob).string().toString('latin1') !== algorithm.blobType) {
    return err({ reason: 'algorithm_mismatch' })
  }
  if (algorithm.isCertificate) return proveCertificate(offer, settings)
  if (settings.certificate === 'required') return err({ reason: 'certificate_required' })
  const key = parsePublicKey(blob)
  return key.ok ? proveHolder(key.value, offer, settings) : key
}

function proveCertificate(
  offer: KeyOffer,
  settings: UserProofSettings,
): Result<UserProof | undefined, { readonly reason: string }> {
  const parsed = parseCertificate(offer.blob)
  if (!parsed.ok) return parsed
  const certificate = parsed.value
  const isOurs = settings.userAuthorities.some((blob) => blob.equals(certificate.authority.blob))
  if (isOurs) return proveOurs(certificate, offer, settings)
  if (settings.certificate === 'required') return err({ reason: 'unknown_authority' })
  return proveHolder(certificate.key, offer, settings)
}

function proveOurs(
  certificate: Certificate,
  offer: KeyOffer,
  settings: UserProofSettings,
): Result<UserProof | undefined, { readonly reason: string }> {
  if (!certificate.keyId.startsWith(keyIdPrefix(settings.userEmail))) {
    return err({ reason: 'identity_mismatch' })
  }
  const checked = checkCertificate(certificate, {
    kind: 'user',
    authorities: settings.userAuthorities,
    principal: offer.unixUser,
    nowSeconds: settings.nowSeconds(),
    sourceAddress: settings.sourceAddress,
    ...(settings.isRevoked && { isRevoked: settings.isRevoked }),
  })
  if (!checked.ok) return checked
  const { verifyRequired, ...demands } = checked.value
  const verified = verifyOffer(certificate.key, offer, settings)
  if (verified === undefined) return ok(undefined)
  if (!verified.ok) return verified
  if (verifyRequired && verified.value.securityKey?.userVerified !== true) {
    return err({ reason: 'user_not_verified' })
  }
  const { keyId, serial, authority, key } = certificate
  return ok({
    method: 'certificate',
    fingerprint: fingerprint(key.blob),
    keyId,
    serial,
    authority,
    ...demands,
  })
}

function proveHolder(
  key: PublicKey,
  offer: KeyOffer,
  settings: UserProofSettings,
): Result<UserProof | undefined, { readonly reason: string }> {
  const verified = verifyOffer(key, offer, settings)
  if (verified === undefined) return ok(undefined)
  return verified.ok ? ok({ method: 'publickey', fingerprint: fingerprint(key.blob) }) : verified
}

/** Undefined for a query. The signature covers the session and the whole request (RFC 4252 section 7). */
function verifyOffer(
  key: PublicKey,
  { algorithm, signed, signature }: KeyOffer,
  { sessionId }: UserProofSettings,
): Result<VerifiedSignature, { readonly reason: string }> | undefined {
  if (signature === undefined) return undefined
  const data = Buffer.concat([writeString(sessionId), signed])
  return verifySignature(key, signature, data, algorithm.signature)
}
