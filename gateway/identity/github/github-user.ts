/**
 * From what GitHub says to an identity. The answers are authentic already; here is decided whether they say enough.
 */
import { err, ok, type Result } from '#lib/result'
import type { Identity } from '../identity.ts'
import type { IdentityReason } from '../oidc.ts'
import { readEmail, readGroups, readName } from '../person.ts'
import type { GithubEmail, GithubUser } from './github-answers.ts'

/** What GitHub said about one person. */
export type GithubPerson = {
  readonly user: GithubUser
  readonly emails: readonly GithubEmail[]
  readonly orgs: readonly { readonly login: string }[]
  readonly teams: readonly {
    readonly slug: string
    readonly organization: { readonly login: string }
  }[]
}

/**
 * Only the primary address counts, and only if it is verified: others can be added by whoever has the account.
 * Groups are `org` and `org/team`, lower case, as GitHub compares them.
 */
export function identityOf(
  provider: string,
  { user, emails, orgs, teams }: GithubPerson,
  nowMs: number,
): Result<Identity, { readonly reason: IdentityReason }> {
  const primary = emails.find((one) => one.primary)
  const email = readEmail(primary?.email)
  if (!email.ok) return email
  if (primary?.verified !== true) return err({ reason: 'email_unverified' })
  const groups = readGroups([
    ...orgs.map(({ login }) => login.toLowerCase()),
    ...teams.map(({ slug, organization }) => `${organization.login}/${slug}`.toLowerCase()),
  ])
  if (!groups.ok) return groups
  return ok({
    provider,
    providerSubject: String(user.id),
    email: email.value,
    name: readName(user.name) ?? email.value,
    groups: groups.value,
    claims: { login: [user.login] },
    login: { atMs: nowMs },
  })
}
