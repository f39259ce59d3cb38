/** What an identity provider vouches for, whatever its protocol. */

/** Claims besides those that have a place of their own; names as the provider writes them, text values only. */
export type Claims = Readonly<Record<string, readonly string[]>>

/** How one interactive login was done. Absent parts were not stated: rules on them admit nobody. */
export type LoginContext = {
  /** When the person proved who they are, Unix milliseconds. */
  readonly atMs: number
  /** Authentication methods (RFC 8176 section 2). */
  readonly amr?: readonly string[]
  /** Authentication context class (OpenID Connect Core section 2; SAML AuthnContextClassRef). */
  readonly acr?: string
  /** The login counts no longer than this, Unix milliseconds (SAML SessionNotOnOrAfter, or a configured claim). */
  readonly notAfterMs?: number
}

/** Somebody, as one provider describes them at one login. */
export type Identity = {
  /** Name of the provider in our configuration; with the subject it is the identity. */
  readonly provider: string
  readonly providerSubject: string
  /** Lower case, verified. */
  readonly email: string
  readonly name: string
  readonly groups: readonly string[]
  readonly claims: Claims
  readonly login: LoginContext
}
