/**
 * Proof that whoever asks for a renewal holds the device key: a short JWS (RFC 7515) over this CSR, for this gateway.
 * Needed since an expired leaf cannot prove itself in a TLS handshake.
 */
import { createHash, type KeyObject } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import { err, ok, type Result } from '#lib/result'

const TYPE = 'zt-renewal+jwt'
/** How far the device's clock may be off. A replay gains nothing: only the key's holder can use the answer. */
const CLOCK_TOLERANCE_SECONDS = 600

/** What is signed, besides the CSR's digest. */
export type RenewalClaims = {
  readonly csrPem: string
  /** Origin of the listener asked, as in its url: `https://host:port`. */
  readonly audience: string
  readonly nowSeconds: number
}

/** Makes the `proof` of a renewal request with the device's P-256 key. */
export function signRenewalProof(key: KeyObject, claims: RenewalClaims): Promise<string> {
  return new SignJWT({ csr_sha256: csrSha256(claims.csrPem) })
    .setProtectedHeader({ alg: 'ES256', typ: TYPE })
    .setAudience(claims.audience)
    .setIssuedAt(claims.nowSeconds)
    .sign(key)
}

/** Checks a `proof` with the key of the certificate it came with. Never throws. */
export async function checkRenewalProof(
  proof: string,
  key: KeyObject,
  claims: RenewalClaims,
): Promise<Result<void, { readonly reason: 'bad_proof' }>> {
  try {
    const { payload } = await jwtVerify(proof, key, {
      algorithms: ['ES256'],
      typ: TYPE,
      audience: claims.audience,
      maxTokenAge: CLOCK_TOLERANCE_SECONDS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(claims.nowSeconds * 1000),
    })
    if (payload['csr_sha256'] === csrSha256(claims.csrPem)) return ok(undefined)
  } catch {
    // jose says why by throwing; every why is the same refusal
  }
  return err({ reason: 'bad_proof' })
}

function csrSha256(csrPem: string): string {
  return createHash('sha256').update(csrPem).digest('base64url')
}
