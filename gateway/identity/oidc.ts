/**
 * From an identity provider's claims to a user. The claims are authentic already (ID token checked, userinfo bound to
 * its subject); here is decided whether they say enough.
 */
import { err, ok, type Result } from '#lib/result'
import type { Identity, LoginContext } from './identity.ts'
import { type PersonReason, readClaims, readEmail, readGroups, readName } from './person.ts'

/** Why a login ends without a user, though the provider vouched for somebody. */
export type IdentityReason = PersonReason | 'email_unverified'

/** How one provider's claims are read. */
export type ClaimRules = {
  /** Name of the provider in our configuration. */
  readonly provider: string
  /** Claim that holds the groups. */
  readonly groupsClaim: string
  /** Further claims that policies ask about. */
  readonly claims: readonly string[]
  /** Claim with the time after which the login counts no more, Unix seconds. */
  readonly sessionEndClaim?: string
}

type Stated = Readonly<Record<string, unknown>>

const ACR_LIMIT = 256
/** The year 5138: what is later is no time in seconds. */
const TIME_LIMIT = 1e11

/** Reads a user out of claims. `sub` has been checked by the protocol. Never throws. */
export function userFromClaims(
  claims: Stated,
  rules: ClaimRules,
  nowMs: number,
): Result<Identity, { readonly reason: IdentityReason }> {
  const email = verifiedEmail(claims)
  if (!email.ok) return email
  const groups = groupsOf(claims, rules.groupsClaim)
  if (!groups.ok) return groups
  if (wantedOf(rules).some((name) => isElsewhere(claims, name)))
    return err({ reason: 'bad_claims' })
  const more = readClaims(rules.claims, (name) => valuesOf(claims, name))
  if (!more.ok) return more
  const login = loginOf(claims, rules, nowMs)
  if (!login.ok) return login
  return ok({
    provider: rules.provider,
    providerSubject: String(claims['sub']),
    email: email.value,
    name: readName(claims['name']) ?? email.value,
    groups: groups.value,
    claims: more.value,
    login: login.value,
  })
}

/**
 * How the login was done. A provider that keeps people logged in may say when they last proved who they are
 * (`auth_time`): then that counts, not the moment they came back.
 */
function loginOf(
  claims: Stated,
  { sessionEndClaim }: ClaimRules,
  nowMs: number,
): Result<LoginContext, { readonly reason: 'bad_claims' }> {
  const { auth_time: authTime, amr, acr } = claims
  const methods = readGroups(Array.isArray(amr) ? amr : [])
  const end = sessionEndClaim === undefined ? undefined : claimOf(claims, sessionEndClaim)
  if (end !== undefined && !isTime(end)) return err({ reason: 'bad_claims' })
  return ok({
    // Whole seconds, rounded down: its end, or a login right after a revocation would seem to lie before it.
    atMs: isTime(authTime) ? Math.min(authTime * 1000 + 999, nowMs) : nowMs,
    ...(methods.ok && methods.value.length > 0 && { amr: methods.value }),
    ...(typeof acr === 'string' && acr !== '' && acr.length <= ACR_LIMIT && { acr }),
    ...(end !== undefined && { notAfterMs: end * 1000 }),
  })
}

/** Seconds since 1970, as in JWT (RFC 7519 section 2, NumericDate). */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 && value < TIME_LIMIT
}

function claimOf(claims: Stated, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined
}

/** Text, numbers and truth values as text; one value is a list of one. */
function valuesOf(claims: Stated, name: string): readonly unknown[] | undefined {
  const value = claimOf(claims, name)
  if (value === undefined || value === null) return undefined
  const plain = (one: unknown) =>
    typeof one === 'number' || typeof one === 'boolean' ? String(one) : one
  return (Array.isArray(value) ? value : [value]).map(plain)
}

function verifiedEmail(claims: Stated): Result<string, { readonly reason: IdentityReason }> {
  const email = readEmail(claims['email'])
  if (!email.ok) return email
  // Absent means that the provider does not say; anything it says but true is a no. Some send text.
  const verified = claims['email_verified'] ?? true
  return verified === true || verified === 'true' ? email : err({ reason: 'email_unverified' })
}

/** An absent claim is no group, a text is one. */
function groupsOf(
  claims: Stated,
  groupsClaim: string,
): Result<readonly string[], { readonly reason: IdentityReason }> {
  const claim = claimOf(claims, groupsClaim)
  if (isElsewhere(claims, groupsClaim)) return err({ reason: 'bad_groups' })
  return readGroups(claim === undefined ? [] : Array.isArray(claim) ? claim : [claim])
}

/** The claims that are read beside groups and address: what is not said may be what a policy excludes by. */
function wantedOf({ claims, sessionEndClaim }: ClaimRules): readonly string[] {
  return sessionEndClaim === undefined ? claims : [...claims, sessionEndClaim]
}

/** Aggregated and distributed claims (OpenID Connect Core section 5.6.2): Entra ID sends these above 200 groups. */
function isElsewhere(claims: Stated, name: string): boolean {
  const names = claims['_claim_names']
  const isNamed = typeof names === 'object' && names !== null && Object.hasOwn(names, name)
  return isNamed && (claimOf(claims, name) ?? undefined) === undefined
}
