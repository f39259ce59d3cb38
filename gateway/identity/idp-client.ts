/**
 * Asks an OpenID provider who somebody is: authorization code with PKCE S256, state and nonce (OpenID Connect Core,
 * RFC 7636), issuer of the answer checked (RFC 9207). What the claims mean is in ./oidc.ts.
 */
import * as oidc from 'openid-client'
import { z } from 'zod'
import type { Log } from '#lib/log'
import { err, ok } from '#lib/result'
import { cachedDiscovery, type ProviderAccess } from './discovery-client.ts'
import type { Identity } from './identity.ts'
import type { LoginResult, LoginWish, PendingLogin, RedirectProvider } from './identity-provider.ts'
import { errorCode, reasonOf } from './login-error.ts'
import { type ClaimRules, userFromClaims } from './oidc.ts'

/** One provider, as configured. */
export type IdpOptions = ProviderAccess &
  Omit<ClaimRules, 'provider'> & {
    readonly name: string
    /** `<login url>/oidc/callback`, exact. */
    readonly redirectUri: string
  }

/** Where a provider sends the browser back to, on the login origin. */
export const OIDC_CALLBACK = '/oidc/callback'

/** What leaves with the browser and must come back. */
const pendingShape = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  maxAge: z
    .string()
    .regex(/^\d{1,9}$/)
    .exactOptional(),
})

export type IdpClientDeps = { readonly now: () => number; readonly log: Log }

/** Makes a client; the provider is asked for its metadata at the first login, since it may be down now. */
export function openIdp(options: IdpOptions, { now, log }: IdpClientDeps): RedirectProvider {
  const discover = cachedDiscovery(options, now)
  const refused = (error: unknown): LoginResult<never> => {
    const reason = reasonOf(error)
    log.warn({ provider: options.name, reason, error: errorCode(error) }, 'login failed')
    return err({ reason })
  }
  return {
    kind: 'redirect',
    name: options.name,
    callbackPath: OIDC_CALLBACK,
    returns: 'query',
    begin: (wish) => begin(options, discover, wish).catch(refused),
    finish: (query, pending) => finish(options, discover, { query, pending, now }).catch(refused),
  }
}

async function begin(
  options: IdpOptions,
  discover: () => Promise<oidc.Configuration>,
  { maxAgeSeconds, acrValues, anew }: LoginWish,
) {
  const provider = await discover()
  const verifier = oidc.randomPKCECodeVerifier()
  const pending = {
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
    verifier,
    ...(maxAgeSeconds !== undefined && { maxAge: String(maxAgeSeconds) }),
  }
  const url = oidc.buildAuthorizationUrl(provider, {
    redirect_uri: options.redirectUri,
    scope: scopesFor(provider.serverMetadata().scopes_supported),
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: pending.state,
    nonce: pending.nonce,
    ...(maxAgeSeconds !== undefined && { max_age: String(maxAgeSeconds) }),
    ...(anew === true && { prompt: 'login' }),
    ...(acrValues !== undefined && { acr_values: acrValues.join(' ') }),
  })
  return ok({ url: url.href, pending })
}

type Return = {
  readonly query: URLSearchParams
  readonly pending: PendingLogin
  readonly now: () => number
}

async function finish(
  options: IdpOptions,
  discover: () => Promise<oidc.Configuration>,
  { query, pending, now }: Return,
): Promise<LoginResult<Identity>> {
  const left = pendingShape.safeParse(pending)
  if (!left.success) return err({ reason: 'bad_provider_answer' })
  const { state, nonce, verifier, maxAge } = left.data
  const provider = await discover()
  const url = new URL(options.redirectUri)
  url.search = query.toString()
  const tokens = await oidc.authorizationCodeGrant(provider, url, {
    expectedState: state,
    expectedNonce: nonce,
    pkceCodeVerifier: verifier,
    idTokenExpected: true,
    ...(maxAge !== undefined && { maxAge: Number(maxAge) }),
  })
  const idToken = tokens.claims()
  if (idToken === undefined) return err({ reason: 'bad_provider_answer' })
  const asked = provider.serverMetadata().userinfo_endpoint !== undefined
  const more = asked
    ? await oidc.fetchUserInfo(provider, tokens.access_token, idToken.sub)
    : undefined
  return userFromClaims({ ...more, ...idToken }, { ...options, provider: options.name }, now())
}

/** Providers refuse scopes that they do not know; `groups` is asked for only where it is offered. */
function scopesFor(supported: readonly string[] | undefined): string {
  return `openid email profile${supported?.includes('groups') ? ' groups' : ''}`
}
