/**
 * From a SAML assertion to an identity: whether it is for us and for now (./validity.ts), and whom it describes. The
 * client asks twice: of the assertion as posted, to refuse early and with a reason, and of the octets that the signature
 * covers. Only the second answer logs anybody in.
 */
import { err, ok, type Result } from '#lib/result'
import type { Identity, LoginContext } from '../identity.ts'
import { type PersonReason, readClaims, readEmail, readGroups } from '../person.ts'
import { child, children, textOf } from './elements.ts'
import { ASSERTION, NAME_ID_TRANSIENT } from './names.ts'
import type { SamlReason } from './reasons.ts'
import type { XmlElement } from './strict-xml.ts'
import {
  badConditions,
  badSubject,
  CLOCK_SKEW_MS,
  expiryOf,
  instantOf,
  type Wanted,
} from './validity.ts'

/** How one provider's attributes are read; names as in the `Name` of an Attribute. */
export type AttributeRules = {
  /** Name of the provider in our configuration. */
  readonly provider: string
  /** Absent: the NameID is the address. */
  readonly emailAttribute?: string
  readonly groupsAttribute: string
  readonly claims: readonly string[]
}

/** What an assertion says. */
export type SamlLogin = {
  readonly identity: Identity
  readonly assertionId: string
  /** From then on the assertion is refused for its age alone, Unix milliseconds. */
  readonly expiresAtMs: number
}

type Read<T> = Result<T, { readonly reason: SamlReason | PersonReason }>

const ID_LIMIT = 256

/** Reads an assertion. Never throws. */
export function readAssertion(
  assertion: XmlElement,
  { rules, wanted, nowMs }: { rules: AttributeRules; wanted: Wanted; nowMs: number },
): Read<SamlLogin> {
  const assertionId = assertion.attributes.get('ID') ?? ''
  if (assertionId === '' || assertionId.length > ID_LIMIT) return err({ reason: 'saml_malformed' })
  if (textOf(child(assertion, ASSERTION, 'Issuer')) !== wanted.issuer) {
    return err({ reason: 'saml_wrong_issuer' })
  }
  const reason = badConditions(assertion, wanted, nowMs) ?? badSubject(assertion, wanted, nowMs)
  if (reason !== undefined) return err({ reason })
  const login = loginOf(assertion, wanted, nowMs)
  if (!login.ok) return login
  const identity = identityOf(assertion, rules, login.value)
  return identity.ok
    ? ok({ identity: identity.value, assertionId, expiresAtMs: expiryOf(assertion) })
    : identity
}

function loginOf(assertion: XmlElement, wanted: Wanted, nowMs: number): Read<LoginContext> {
  const statement = child(assertion, ASSERTION, 'AuthnStatement')
  const atMs = instantOf(statement?.attributes.get('AuthnInstant'))
  if (Number.isNaN(atMs)) return err({ reason: 'saml_malformed' })
  if (atMs > nowMs + CLOCK_SKEW_MS) return err({ reason: 'saml_not_yet_valid' })
  const { askedAtMs, maxAgeSeconds } = wanted
  const oldest =
    maxAgeSeconds === undefined ? atMs : Math.min(askedAtMs, nowMs - maxAgeSeconds * 1000)
  if (atMs < oldest - CLOCK_SKEW_MS) return err({ reason: 'saml_old_login' })
  const end = statement?.attributes.get('SessionNotOnOrAfter')
  const notAfterMs = instantOf(end)
  if (end !== undefined && !(notAfterMs > nowMs)) return err({ reason: 'saml_expired' })
  const context = child(statement, ASSERTION, 'AuthnContext')
  const acr = textOf(child(context, ASSERTION, 'AuthnContextClassRef'))
  return ok({
    atMs: Math.min(atMs, nowMs),
    ...(acr !== undefined && acr !== '' && acr.length <= ID_LIMIT && { acr }),
    ...(end !== undefined && { notAfterMs }),
  })
}

function identityOf(
  assertion: XmlElement,
  rules: AttributeRules,
  login: LoginContext,
): Read<Identity> {
  const subject = subjectOf(assertion)
  if (subject === undefined) return err({ reason: 'saml_bad_subject' })
  const attributes = attributesOf(assertion)
  const { provider, emailAttribute, groupsAttribute } = rules
  const addresses = emailAttribute === undefined ? [subject] : attributes.get(emailAttribute)
  const email = readEmail(addresses?.length === 1 ? addresses[0] : addresses)
  if (!email.ok) return email
  const groups = readGroups(attributes.get(groupsAttribute) ?? [])
  if (!groups.ok) return groups
  const claims = readClaims(rules.claims, (name) => attributes.get(name))
  if (!claims.ok) return claims
  return ok({
    provider,
    providerSubject: subject,
    email: email.value,
    name: email.value,
    groups: groups.value,
    claims: claims.value,
    login,
  })
}

/** A transient NameID is another one at each login: nobody could own a device by it. */
function subjectOf(assertion: XmlElement): string | undefined {
  const nameId = child(child(assertion, ASSERTION, 'Subject'), ASSERTION, 'NameID')
  const subject = textOf(nameId)
  const usable = subject !== undefined && subject !== '' && subject.length <= ID_LIMIT
  return usable && nameId?.attributes.get('Format') !== NAME_ID_TRANSIENT ? subject : undefined
}

/** Values of each attribute; one that is no plain text stands as undefined. */
function attributesOf(assertion: XmlElement): ReadonlyMap<string, readonly unknown[]> {
  const statements = children(assertion, ASSERTION, 'AttributeStatement')
  const found = new Map<string, unknown[]>()
  for (const attribute of statements.flatMap((one) => children(one, ASSERTION, 'Attribute'))) {
    const name = attribute.attributes.get('Name') ?? ''
    const values = children(attribute, ASSERTION, 'AttributeValue').map(textOf)
    found.set(name, [...(found.get(name) ?? []), ...values])
  }
  return found
}
