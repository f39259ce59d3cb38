/**
 * The signed statement of a gateway about one recording: how long it is, what binds its octets, what is missing.
 * It stands beside the sealed file and tells nothing of what the session said.
 */
import { calculateJwkThumbprint, type JWK } from 'jose'
import { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import { SEAL_CLASSES, type SealClass } from '../seal/container-format.ts'
import { type JwsKey, protectedHeaderOf, signJson, verifyJson } from './jws.ts'

const ALG = 'ES256'
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

export type ManifestSigner = { readonly privateKey: JwsKey; readonly publicJwk: JWK }

/** Signs a manifest with the gateway's evidence key (P-256). @returns the text of the side file. */
export function signManifest(manifest: Manifest, signer: ManifestSigner): Promise<string> {
  const { kty = '', crv = '', x = '', y = '' } = signer.publicJwk
  return signJson(manifest, { alg: ALG, typ: TYP, jwk: { kty, crv, x, y } }, signer.privateKey)
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

/** Thumbprint of an evidence key, as `SignedManifest.signer` has it. */
export function thumbprintOf(publicJwk: JWK): Promise<string> {
  return calculateJwkThumbprint(publicJwk)
}

/**
 * Verifies the text of a side file.
 * @param evidenceKeys keys of gateways to trust; without them any signer is taken, and `pinned` is false.
 */
export async function openManifest(
  text: string,
  evidenceKeys?: readonly JWK[],
): Promise<Result<SignedManifest, ManifestError>> {
  const key = jwkSchema.safeParse(protectedHeaderOf(text)?.['jwk'])
  if (!key.success) return err({ reason: 'bad_manifest' })
  const payload = await verifyJson(text, { alg: ALG, typ: TYP }, key.data)
  if (payload === undefined) return err({ reason: 'bad_manifest_signature' })
  const manifest = manifestSchema.safeParse(payload)
  if (!manifest.success) return err({ reason: 'bad_manifest' })
  const signer = await thumbprintOf(key.data)
  const trusted = await Promise.all((evidenceKeys ?? []).map(thumbprintOf))
  if (evidenceKeys && !trusted.includes(signer)) return err({ reason: 'unknown_signer' })
  return ok({ manifest: manifest.data, signer, pinned: evidenceKeys !== undefined })
}

const jwkSchema = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
})
