/**
 * Checkpoints: how long the audit log was at a time, and the hash of its lines, signed by the gateway.
 * Who has kept one can show later that something before it was removed, changed or reordered.
 */
import type { JWK } from 'jose'
import { z } from 'zod'
import { ok, type Result } from '#lib/result'
import {
  type EvidenceSigner,
  openStatement,
  type SignatureError,
  signStatement,
} from '../recording/evidence-signature.ts'

const TYP = 'zt-audit-checkpoint+jws'

const checkpointSchema = z.strictObject({
  version: z.literal(1),
  size: z.int().nonnegative(),
  /** Hash of the first `size` lines (./merkle-tree.ts), hex. */
  root: z.string().regex(/^[0-9a-f]{64}$/),
  atMs: z.int().nonnegative(),
})

export type Checkpoint = Omit<Readonly<z.infer<typeof checkpointSchema>>, 'version'>

/** A checkpoint whose signature fits. */
export type SignedCheckpoint = Checkpoint & {
  /** Thumbprint of the evidence key that signed. */
  readonly signer: string
  readonly pinned: boolean
  /** As it was signed. */
  readonly text: string
}

/** @returns a compact JWS. */
export function signCheckpoint(
  { size, root, atMs }: Checkpoint,
  signer: EvidenceSigner,
): Promise<string> {
  return signStatement({ version: 1, size, root, atMs }, TYP, signer)
}

/** Verifies one. @param evidenceKeys keys to trust; without them any signer is taken, and named. */
export async function openCheckpoint(
  text: string,
  evidenceKeys?: readonly JWK[],
): Promise<Result<SignedCheckpoint, SignatureError>> {
  const opened = await openStatement(text, TYP, checkpointSchema, evidenceKeys)
  if (!opened.ok) return opened
  const { statement, signer, pinned } = opened.value
  const { size, root, atMs } = statement
  return ok({ size, root, atMs, signer, pinned, text })
}
