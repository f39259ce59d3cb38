/**
 * From an identity provider's claims to a user. The claims are authentic already (ID token checked, userinfo bound to
 * its subject); here is decided whether they say enough.
 */
import { err, ok, type Result } from '#lib/result'
import { parseEmail } from './email.ts'
import type { Identity } from './identity.ts'

/** Why a login ends without a user, though the provider vouched for somebody. */
export type IdentityReason = 'no_email' | 'bad_email' | 'email_unverified' | 'bad_groups'

/** How one provider's claims are read. */
export type ClaimRules = {
  /** Name of the provider in our configuration. */
  readonly provider: string
  /** Claim that holds the groups. */
  readonly groupsClaim: string
}

/** More would make every decision slow; the largest directories cut the claim near 200. */
const GROUPS_LIMIT = 1000
const GROUP_NAME_LIMIT = 256
const NAME_LIMIT = 128

/** Reads a user out of claims. `sub` has been checked by the protocol. Never throws. */
export function userFromClaims(
  claims: Readonly<Record<string, unknown>>,
  rules: ClaimRules,
  nowMs: number,
): Result<Identity, { readonly reason: IdentityReason }> {
  const email = verifiedEmail(claims)
  if (!email.ok) return email
  const groups = groupsOf(claims, rules.groupsClaim)
  if (groups === undefined) return err({ reason: 'bad_groups' })
  return ok({
    provider: rules.provider,
    providerSubject: String(claims['sub']),
    email: email.value,
    name: nameOf(claims) ?? email.value,
    groups,
    claims: {},
    login: { atMs: nowMs },
  })
}

function verifiedEmail(
  claims: Readonly<Record<string, unknown>>,
): Result<string, { readonly reason: IdentityReason }> {
  const claim = claims['email']
  if (claim === undefined) return err({ reason: 'no_email' })
  const email = typeof claim === 'string' ? parseEmail(claim) : undefined
  if (email === undefined) return err({ reason: 'bad_email' })
  // Absent means that the provider does not say; anything it says but true is a no. Some send text.
  const verified = claims['email_verified'] ?? true
  return verified === true || verified === 'true' ? ok(email) : err({ reason: 'email_unverified' })
}

/**
 * An absent claim is no group. A claim that cannot be read whole is a refusal: policies may *exclude* by group, and a
 * list cut short would let an excluded user in.
 */
function groupsOf(
  claims: Readonly<Record<string, unknown>>,
  groupsClaim: string,
): readonly string[] | undefined {
  const claim = Object.hasOwn(claims, groupsClaim) ? claims[groupsClaim] : undefined
  if (claim === undefined) return isElsewhere(claims, groupsClaim) ? undefined : []
  const list: readonly unknown[] = typeof claim === 'string' ? [claim] : asList(claim)
  const groups = list.filter((one) => typeof one === 'string' && isGroupName(one)) as string[]
  const whole = (Array.isArray(claim) || typeof claim === 'string') && groups.length === list.length
  return whole && groups.length <= GROUPS_LIMIT ? [...new Set(groups)] : undefined
}

/** Distributed claims (OpenID Connect Core section 5.6.2): Entra ID sends these above 200 groups. */
function isElsewhere(claims: Readonly<Record<string, unknown>>, groupsClaim: string): boolean {
  const names = claims['_claim_names']
  return typeof names === 'object' && names !== null && Object.hasOwn(names, groupsClaim)
}

function asList(claim: unknown): readonly unknown[] {
  return Array.isArray(claim) ? claim : []
}

function isGroupName(name: string): boolean {
  return name.length > 0 && name.length <= GROUP_NAME_LIMIT
}

function nameOf(claims: Readonly<Record<string, unknown>>): string | undefined {
  const name = claims['name']
  return typeof name === 'string' && name !== '' ? name.slice(0, NAME_LIMIT) : undefined
}
