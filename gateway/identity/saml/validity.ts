/**
 * Whether an assertion is for us, and for now (SAML 2.0 Profiles section 4.1.4.3).
 */
import { child, children, textOf } from './elements.ts'
import { ASSERTION, METHOD_BEARER } from './names.ts'
import type { SamlReason } from './reasons.ts'
import type { Expected } from './response.ts'
import type { XmlElement } from './strict-xml.ts'

/** What an assertion must answer. */
export type Wanted = Expected & {
  /** Our entity id. */
  readonly audience: string
  /** When we asked, Unix milliseconds. */
  readonly askedAtMs: number
  /** The person must have proved who they are within this time, or since we asked; seconds. */
  readonly maxAgeSeconds?: number
}

/** Clocks of provider and gateway may differ by this much, ms. */
export const CLOCK_SKEW_MS = 60_000
const CONDITIONS = ['AudienceRestriction', 'OneTimeUse', 'ProxyRestriction']

/** Unknown conditions make an assertion's validity unknown (SAML 2.0 Core section 2.5.1). */
export function badConditions(
  assertion: XmlElement,
  { audience }: Wanted,
  nowMs: number,
): SamlReason | undefined {
  const conditions = child(assertion, ASSERTION, 'Conditions')
  if (conditions === undefined) return 'saml_wrong_audience'
  if (conditions.children.some(({ name }) => !CONDITIONS.includes(name))) return 'saml_malformed'
  const restrictions = children(conditions, ASSERTION, 'AudienceRestriction')
  const isForUs = (restriction: XmlElement) =>
    children(restriction, ASSERTION, 'Audience').some((one) => textOf(one) === audience)
  if (restrictions.length === 0 || !restrictions.every(isForUs)) return 'saml_wrong_audience'
  return notNow(conditions, nowMs)
}

/** One bearer confirmation that holds is enough. */
export function badSubject(
  assertion: XmlElement,
  wanted: Wanted,
  nowMs: number,
): SamlReason | undefined {
  const subject = child(assertion, ASSERTION, 'Subject')
  const bearers = children(subject, ASSERTION, 'SubjectConfirmation').filter(
    (one) => one.attributes.get('Method') === METHOD_BEARER,
  )
  const faults = bearers.map((bearer) => badConfirmation(bearer, wanted, nowMs))
  if (faults.length === 0) return 'saml_bad_subject'
  return faults.includes(undefined) ? undefined : faults[0]
}

function badConfirmation(
  bearer: XmlElement,
  { recipient, requestId }: Wanted,
  nowMs: number,
): SamlReason | undefined {
  const data = child(bearer, ASSERTION, 'SubjectConfirmationData')
  if (data?.attributes.get('Recipient') !== recipient) return 'saml_wrong_recipient'
  if (data.attributes.get('InResponseTo') !== requestId) return 'saml_wrong_request'
  return data.attributes.has('NotOnOrAfter') ? notNow(data, nowMs) : 'saml_expired'
}

/** Whether `NotBefore` and `NotOnOrAfter` leave out this moment. A time that cannot be read leaves out every one. */
function notNow({ attributes }: XmlElement, nowMs: number): SamlReason | undefined {
  const notBefore = attributes.get('NotBefore')
  const notOnOrAfter = attributes.get('NotOnOrAfter')
  const tooEarly = notBefore !== undefined && !(instantOf(notBefore) <= nowMs + CLOCK_SKEW_MS)
  const tooLate = notOnOrAfter !== undefined && !(instantOf(notOnOrAfter) > nowMs - CLOCK_SKEW_MS)
  if (tooEarly) return 'saml_not_yet_valid'
  return tooLate ? 'saml_expired' : undefined
}

/** The latest end that any part of the assertion states. */
export function expiryOf(assertion: XmlElement): number {
  const subject = child(assertion, ASSERTION, 'Subject')
  const ends = [
    child(assertion, ASSERTION, 'Conditions'),
    ...children(subject, ASSERTION, 'SubjectConfirmation').map((one) =>
      child(one, ASSERTION, 'SubjectConfirmationData'),
    ),
  ].flatMap((one) => one?.attributes.get('NotOnOrAfter') ?? [])
  return Math.max(...ends.map(instantOf).filter(Number.isFinite)) + CLOCK_SKEW_MS
}

/** A time of SAML: UTC, written with Z (SAML 2.0 Core section 1.3.3); NaN for any other. */
export function instantOf(written: string | undefined): number {
  const utc = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/
  return written !== undefined && utc.test(written) ? Date.parse(written) : Number.NaN
}
