/**
 * Asks an OpenID provider who somebody is: authorization code with PKCE S256, state and nonce (OpenID Connect Core,
 * RFC 7636), issuer of the answer checked (RFC 9207). What the claims mean is in ./oidc.ts.
 */
import * as oidc from 'openid-client'
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import type { User } from '../store/store.ts'
import { cachedDiscovery, type ProviderAccess } from './discovery-client.ts'
import { errorCode, type LoginReason, reasonOf } from './login-error.ts'
import { userFromClaims } from './oidc.ts'

/** One provider, as configured. */
export type IdpOptions = ProviderAccess & {
  readonly name: string
  readonly groupsClaim: string
  /** `<login url>/oidc/callback`, exact. */
  readonly redirectUri: string
}

/** What has to be remembered between leaving for the provider and coming back; secret, bound to one browser. */
export type PendingLogin = {
  readonly provider: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

type LoginResult<T> = Result<T, { readonly reason: LoginReason }>

export interface IdpClient {
  readonly name: string
  /** Where to send the browser, and what to remember. */
  begin(): Promise<LoginResult<{ readonly url: string; readonly pending: PendingLogin }>>
  /** Takes the browser's return, with its query as it came. */
  finish(query: URLSearchParams, pending: PendingLogin): Promise<LoginResult<Omit<User, 'id'>>>
}

export type IdpClientDeps = { readonly now: () => number; readonly log: Log }

/** Makes a client; the provider is asked for its metadata at the first login, since it may be down now. */
export function openIdp(options: IdpOptions, { now, log }: IdpClientDeps): IdpClient {
  const discover = cachedDiscovery(options, now)
  const refused = (error: unknown): LoginResult<never> => {
    const reason = reasonOf(error)
    log.warn({ provider: options.name, reason, error: errorCode(error) }, 'login failed')
    return err({ reason })
  }
  return {
    name: options.name,
    begin: () => begin(options, discover).catch(refused),
    finish: (query, pending) => finish(options, discover, { query, pending, now }).catch(refused),
  }
}

async function begin(options: IdpOptions, discover: () => Promise<oidc.Configuration>) {
  const provider = await discover()
  const verifier = oidc.randomPKCECodeVerifier()
  const pending: PendingLogin = {
    provider: options.name,
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
    verifier,
  }
  const url = oidc.buildAuthorizationUrl(provider, {
    redirect_uri: options.redirectUri,
    scope: scopesFor(provider.serverMetadata().scopes_supported),
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: pending.state,
    nonce: pending.nonce,
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
): Promise<LoginResult<Omit<User, 'id'>>> {
  const provider = await discover()
  const url = new URL(options.redirectUri)
  url.search = query.toString()
  const tokens = await oidc.authorizationCodeGrant(provider, url, {
    expectedState: pending.state,
    expectedNonce: pending.nonce,
    pkceCodeVerifier: pending.verifier,
    idTokenExpected: true,
  })
  const idToken = tokens.claims()
  if (idToken === undefined) return err({ reason: 'bad_provider_answer' })
  const asked = provider.serverMetadata().userinfo_endpoint !== undefined
  const more = asked
    ? await oidc.fetchUserInfo(provider, tokens.access_token, idToken.sub)
    : undefined
  const rules = { provider: options.name, groupsClaim: options.groupsClaim }
  return userFromClaims({ ...more, ...idToken }, rules, now())
}

/** Providers refuse scopes that they do not know; `groups` is asked for only where it is offered. */
function scopesFor(supported: readonly string[] | undefined): string {
  return `openid email profile${supported?.includes('groups') ? ' groups' : ''}`
}
