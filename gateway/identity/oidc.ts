/**
 * From an identity provider's claims to a user. The claims are authentic already (ID token checked, userinfo bound to
 * its subject); here is decided whether they say enough.
 */
import { err, ok, type Result } from '#lib/result'
import type { Identity } from './identity.ts'
import { type PersonReason, readEmail, readGroups, readName } from './person.ts'

/** Why a login ends without a user, though the provider vouched for somebody. */
export type IdentityReason = PersonReason | 'email_unverified'

/** How one provider's claims are read. */
export type ClaimRules = {
  /** Name of the provider in our configuration. */
  readonly provider: string
  /** Claim that holds the groups. */
  readonly groupsClaim: string
}

/** Reads a user out of claims. `sub` has been checked by the protocol. Never throws. */
export function userFromClaims(
  claims: Readonly<Record<string, unknown>>,
  rules: ClaimRules,
  nowMs: number,
): Result<Identity, { readonly reason: IdentityReason }> {
  const email = verifiedEmail(claims)
  if (!email.ok) return email
  const groups = groupsOf(claims, rules.groupsClaim)
  if (!groups.ok) return groups
  return ok({
    provider: rules.provider,
    providerSubject: String(claims['sub']),
    email: email.value,
    name: readName(claims['name']) ?? email.value,
    groups: groups.value,
    claims: {},
    login: { atMs: nowMs },
  })
}

function verifiedEmail(
  claims: Readonly<Record<string, unknown>>,
): Result<string, { readonly reason: IdentityReason }> {
  const email = readEmail(claims['email'])
  if (!email.ok) return email
  // Absent means that the provider does not say; anything it says but true is a no. Some send text.
  const verified = claims['email_verified'] ?? true
  return verified === true || verified === 'true' ? email : err({ reason: 'email_unverified' })
}

/** An absent claim is no group, a text is one. */
function groupsOf(
  claims: Readonly<Record<string, unknown>>,
  groupsClaim: string,
): Result<readonly string[], { readonly reason: IdentityReason }> {
  const claim = Object.hasOwn(claims, groupsClaim) ? claims[groupsClaim] : undefined
  if (claim === undefined && isElsewhere(claims, groupsClaim)) return err({ reason: 'bad_groups' })
  return readGroups(claim === undefined ? [] : Array.isArray(claim) ? claim : [claim])
}

/** Distributed claims (OpenID Connect Core section 5.6.2): Entra ID sends these above 200 groups. */
function isElsewhere(claims: Readonly<Record<string, unknown>>, groupsClaim: string): boolean {
  const names = claims['_claim_names']
  return typeof names === 'object' && names !== null && Object.hasOwn(names, groupsClaim)
}
