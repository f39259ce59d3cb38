/**
 * What leaves with the browser: one request, and what its answer must be.
 */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { isSameText } from '#lib/same-text'
import type { LoginWish, PendingLogin } from '../identity-provider.ts'
import type { AttributeRules } from './assertion.ts'
import type { Wanted } from './validity.ts'

/** One provider, as configured. */
export type SamlOptions = {
  readonly attributes: AttributeRules
  /** Where its single sign-on service takes redirects. */
  readonly entryPoint: string
  readonly idpEntityId: string
  /** PEM, at least one: while a provider changes keys, the old and the new. */
  readonly idpCertificates: readonly string[]
  /** Our entity id: the URL of our metadata. */
  readonly entityId: string
  /** `<login url>/saml/acs`. */
  readonly acsUrl: string
  /** Signs requests, when the provider asks for it; PEM. */
  readonly signing?: { readonly privateKey: string; readonly certificate: string }
}

const pendingShape = z.strictObject({
  request: z.string().length(33),
  relayState: z.string().length(43),
  askedAtMs: z.string().regex(/^\d{1,16}$/),
  maxAge: z
    .string()
    .regex(/^\d{1,9}$/)
    .exactOptional(),
})

/** What the browser keeps, and must come back with. */
export type PendingRequest = Readonly<z.infer<typeof pendingShape>>

/** A fresh request. */
export function newRequest({ maxAgeSeconds }: LoginWish, nowMs: number): PendingRequest {
  return {
    // An XML ID begins with no digit.
    request: `_${randomBytes(16).toString('hex')}`,
    relayState: randomBytes(32).toString('base64url'),
    askedAtMs: String(nowMs),
    ...(maxAgeSeconds !== undefined && { maxAge: String(maxAgeSeconds) }),
  }
}

/** The request that a browser comes back with; undefined when it left with none of ours. */
export function requestOf(pending: PendingLogin): PendingRequest | undefined {
  return pendingShape.safeParse(pending).data
}

/** Whether the form carries the relay state of this request, once. */
export function isAnswerTo({ relayState }: PendingRequest, form: URLSearchParams): boolean {
  return isSameText(form.getAll('RelayState').join(), relayState)
}

/** What an answer to this request must say. */
export function wantedBy(
  { request, askedAtMs, maxAge }: PendingRequest,
  { idpEntityId, entityId, acsUrl }: SamlOptions,
): Wanted {
  return {
    issuer: idpEntityId,
    audience: entityId,
    recipient: acsUrl,
    requestId: request,
    askedAtMs: Number(askedAtMs),
    ...(maxAge !== undefined && { maxAgeSeconds: Number(maxAge) }),
  }
}
