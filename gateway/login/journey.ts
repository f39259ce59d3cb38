/**
 * How far one browser is, and what for:
 *
 *   code ──► choice ──► redirect ──► confirm (an enrolment) or justify (some prompts)
 *              └──────► form ──┘
 *
 * The store and the desk alone say what may still be decided: an old stage cannot turn it back.
 */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'

/** A token of `newToken`. */
const token = z.string().length(43)

const enrolment = z.strictObject({
  for: z.literal('enrolment'),
  deviceCodeSha256: z.string().length(64),
})
const prompt = z.strictObject({ for: z.literal('prompt'), promptId: z.string().max(64) })
const purpose = z.discriminatedUnion('for', [enrolment, prompt])

const pending = z.record(z.string(), z.string())
const login = z.strictObject({
  atMs: z.number(),
  amr: z.array(z.string()).readonly().exactOptional(),
  acr: z.string().exactOptional(),
  notAfterMs: z.number().exactOptional(),
})

/** `id` names the journey in links; `csrf` is new at each stage that shows a form, so none can be planted. */
const underWay = { id: token, purpose }
const atProvider = { ...underWay, provider: z.string(), pending }

export const journeyShape = z.discriminatedUnion('at', [
  z.strictObject({ at: z.literal('code'), csrf: token }),
  z.strictObject({ at: z.literal('choice'), ...underWay }),
  z.strictObject({ at: z.literal('redirect'), ...atProvider }),
  z.strictObject({
    at: z.literal('form'),
    ...atProvider,
    csrf: token,
    /** Names of the fields that were shown. */
    fields: z.array(z.string()).readonly(),
  }),
  z.strictObject({
    at: z.literal('confirm'),
    purpose: enrolment,
    csrf: token,
    userId: z.string(),
    login,
  }),
  z.strictObject({ at: z.literal('justify'), purpose: prompt, csrf: token, userId: z.string() }),
])

/** What somebody logs in for. */
export type Purpose = Readonly<z.infer<typeof purpose>>

/** Where a browser stands. */
export type Journey = Readonly<z.infer<typeof journeyShape>>
export type JourneyAt<Name extends Journey['at']> = Extract<Journey, { readonly at: Name }>

/** A stage from which a provider can be chosen: before, or again after the back button. */
export type Choosing = JourneyAt<'choice' | 'redirect' | 'form'>

/** A fresh token against forged requests (RFC 6749 section 10.12). */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

/** The journey if it stands at this stage. */
export function journeyAt<Name extends Journey['at']>(
  journey: Journey | undefined,
  name: Name,
): JourneyAt<Name> | undefined {
  return journey?.at === name ? (journey as JourneyAt<Name>) : undefined
}

/** The journey if a provider can be chosen in it. */
export function choosing(journey: Journey | undefined): Choosing | undefined {
  return journey !== undefined && 'id' in journey ? journey : undefined
}
