/**
 * The signed statement of a gateway about one recording: how long it is, what binds its octets, what is missing.
 * It stands beside the sealed file and tells nothing of what the session said.
 */
import type { JWK } from 'jose'
import { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import { SEAL_CLASSES, type SealClass } from '../seal/container-format.ts'
import { type EvidenceSigner, openStatement, signStatement } from './evidence-signature.ts'

const TYP = 'zt-recording-manifest+jws'

/** What can be lost, at most: printed in each manifest (see docs/reference/recording-format.md). */
export const LOSS_BOUNDS = { processKilledMs: 1000, powerLostMs: 2000 } as const

/** SHA-256, or SHA-512 in older files; hex. */
const hash = z.string().regex(/^(?:[0-9a-f]{64}|[0-9a-f]{128})$/)
const count = z.int().nonnegative()
const fingerprints = z.array(z.string())

const manifestSchema = z.strictObject({
  version: z.literal(1),
  subject: z.record(z.string(), z.union([z.string(), z.number()])),
  /** Fingerprints of those who can open each class. */
  recipients: z.strictObject({ output: fingerprints, input: fingerprints, index: fingerprints }),
  /** `incomplete`: the session may have gone on after the last octet here. */
  state: z.enum(['complete', 'incomplete']),
  end: z.strictObject({ reason: z.string(), endedAtMs: z.number() }),
  file: z.strictObject({
    bytes: count,
    chunks: count,
    head: hash,
    chain: hash,
    checkpoints: z.strictObject({ every: z.int().positive(), chain: z.array(hash) }),
  }),
  /** Absent after a crash: who cannot open a recording cannot count it. */
  channels: z
    .array(
      z.strictObject({
        channel: z.int(),
        input: count,
        output: count,
        stderr: count,
        events: count,
      }),
    )
    .exactOptional(),
  gaps: z.array(z.strictObject({ reason: z.string(), discardedBytes: count })),
  lossBounds: z.strictObject({ processKilledMs: count, powerLostMs: count }),
})

export type Manifest = Readonly<z.infer<typeof manifestSchema>>

/** Fingerprints by class, from the wrapped keys of a header. */
export function fingerprintsOf(
  keys: Readonly<Record<SealClass, readonly { readonly recipient: string }[]>>,
): Manifest['recipients'] {
  const [output = [], input = [], index = []] = SEAL_CLASSES.map((sealClass) =>
    keys[sealClass].map(({ recipient }) => recipient),
  )
  return { output, input, index }
}

/** Signs a manifest with the gateway's evidence key (P-256). @returns the text of the side file. */
export function signManifest(manifest: Manifest, signer: EvidenceSigner): Promise<string> {
  return signStatement(manifest, TYP, signer)
}

/** A manifest whose signature fits. */
export type SignedManifest = {
  readonly manifest: Manifest
  /** JWK thumbprint (RFC 7638) of the key that signed. */
  readonly signer: string
  /** False: nobody vouches for the signer, since no key was given to compare with. */
  readonly pinned: boolean
}

export type ManifestError = {
  readonly reason: 'bad_manifest' | 'bad_manifest_signature' | 'unknown_signer'
}

const REASONS = {
  bad_statement: 'bad_manifest',
  bad_signature: 'bad_manifest_signature',
  unknown_signer: 'unknown_signer',
} as const

/**
 * Verifies the text of a side file.
 * @param evidenceKeys keys of gateways to trust; without them any signer is taken, and `pinned` is false.
 */
export async function openManifest(
  text: string,
  evidenceKeys?: readonly JWK[],
): Promise<Result<SignedManifest, ManifestError>> {
  const opened = await openStatement(text, TYP, manifestSchema, evidenceKeys)
  if (!opened.ok) return err({ reason: REASONS[opened.error.reason] })
  const { statement, signer, pinned } = opened.value
  return ok({ manifest: statement, signer, pinned })
}
