/**
 * Statements of a gateway, signed with its evidence key (P-256): compact JWS with the public half in the header.
 * Each kind of statement has a `typ` of its own, so that none passes for another.
 */
import { calculateJwkThumbprint, type JWK } from 'jose'
import { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import { type JwsKey, protectedHeaderOf, signJson, verifyJson } from './jws.ts'

const ALG = 'ES256'

export type EvidenceSigner = { readonly privateKey: JwsKey; readonly publicJwk: JWK }

/** A statement whose signature fits. */
export type Signed<T> = {
  readonly statement: T
  /** JWK thumbprint (RFC 7638) of the key that signed. */
  readonly signer: string
  /** False: nobody vouches for the signer, since no key was given to compare with. */
  readonly pinned: boolean
}

export type SignatureError = {
  readonly reason: 'bad_statement' | 'bad_signature' | 'unknown_signer'
}

/** Thumbprint of an evidence key, as `Signed.signer` has it. */
export function thumbprintOf(publicJwk: JWK): Promise<string> {
  return calculateJwkThumbprint(publicJwk)
}

export function signStatement(
  statement: unknown,
  typ: string,
  { privateKey, publicJwk }: EvidenceSigner,
): Promise<string> {
  const { kty = '', crv = '', x = '', y = '' } = publicJwk
  return signJson(statement, { alg: ALG, typ, jwk: { kty, crv, x, y } }, privateKey)
}

/**
 * Verifies a statement of kind `typ`.
 * @param evidenceKeys keys of gateways to trust; without them any signer is taken, and `pinned` is false.
 */
export async function openStatement<T>(
  text: string,
  typ: string,
  shape: z.ZodType<T>,
  evidenceKeys?: readonly JWK[],
): Promise<Result<Signed<T>, SignatureError>> {
  const key = jwkSchema.safeParse(protectedHeaderOf(text)?.['jwk'])
  if (!key.success) return err({ reason: 'bad_statement' })
  const payload = await verifyJson(text, { alg: ALG, typ }, key.data)
  if (payload === undefined) return err({ reason: 'bad_signature' })
  const statement = shape.safeParse(payload)
  if (!statement.success) return err({ reason: 'bad_statement' })
  const signer = await thumbprintOf(key.data)
  const trusted = await Promise.all((evidenceKeys ?? []).map(thumbprintOf))
  if (evidenceKeys && !trusted.includes(signer)) return err({ reason: 'unknown_signer' })
  return ok({ statement: statement.data, signer, pinned: evidenceKeys !== undefined })
}

const jwkSchema = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
})
