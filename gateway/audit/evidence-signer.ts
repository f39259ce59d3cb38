/** The evidence key as it signs: its public half stands in each statement. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { exportJWK } from 'jose'
import type { EvidenceSigner } from '#lib/recording/evidence-signature'

export async function evidenceSigner(evidenceKey: KeyObject): Promise<EvidenceSigner> {
  return { privateKey: evidenceKey, publicJwk: await exportJWK(createPublicKey(evidenceKey)) }
}
