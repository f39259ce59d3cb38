/**
 * The signed statement of a gateway that a recording's content is gone: what stays beside the manifest in place of the file.
 */
import type { JWK } from 'jose'
import { z } from 'zod'
import type { Result } from '#lib/result'
import {
  type EvidenceSigner,
  openStatement,
  type SignatureError,
  type Signed,
  signStatement,
} from './evidence-signature.ts'

const TYP = 'zt-recording-erased+jws'

const erasureSchema = z.strictObject({
  version: z.literal(1),
  session: z.string(),
  how: z.enum(['shredded', 'expired']),
  reason: z.string(),
  atMs: z.int().nonnegative(),
  /** SHA-256 of the manifest's text, hex; absent where there is none. */
  manifestSha256: z.string().exactOptional(),
})

export type Erasure = Omit<Readonly<z.infer<typeof erasureSchema>>, 'version'>

/** @returns a compact JWS. */
export function signErasure(erasure: Erasure, signer: EvidenceSigner): Promise<string> {
  return signStatement({ version: 1, ...erasure }, TYP, signer)
}

/**
 * Verifies the text of such a statement.
 * @param evidenceKeys as for `openStatement`.
 */
export function openErasure(
  text: string,
  evidenceKeys?: readonly JWK[],
): Promise<Result<Signed<Erasure>, SignatureError>> {
  return openStatement(text, TYP, erasureSchema, evidenceKeys)
}
