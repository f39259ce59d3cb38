/**
 * Asks an OpenID provider who somebody is: authorization code with PKCE S256, state and nonce (OpenID Connect Core,
 * RFC 7636), issuer of the answer checked (RFC 9207). What the claims mean is in ./oidc.ts.
 */
import * as oidc from 'openid-client'
import { Agent, fetch } from 'undici'
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import type { User } from '../store/store.ts'
import { type IdentityReason, userFromClaims } from './oidc.ts'

/** One provider, as configured. */
export type IdpOptions = {
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** CAs to trust instead of the system's, PEM. */
  readonly caPem?: string
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

/** Why nobody was logged in. */
export type LoginReason =
  | IdentityReason
  | 'provider_unreachable'
  | 'provider_refused'
  | 'bad_provider_answer'

type LoginResult<T> = Result<T, { readonly reason: LoginReason }>

export interface IdpClient {
  readonly name: string
  /** Where to send the browser, and what to remember. */
  begin(): Promise<LoginResult<{ readonly url: string; readonly pending: PendingLogin }>>
  /** Takes the browser's return, with its query as it came. */
  finish(query: URLSearchParams, pending: PendingLogin): Promise<LoginResult<Omit<User, 'id'>>>
}

export type IdpClientDeps = { readonly now: () => number; readonly log: Log }

/** A provider that is slower than this is taken as unreachable, in seconds. */
const ANSWER_TIMEOUT_SECONDS = 10
/** Providers change keys and endpoints seldom; keys are looked up anew by openid-client when one is unknown. */
const METADATA_LIFETIME_MS = 3_600_000
/** Most that is read of any answer of a provider, in bytes. */
const ANSWER_LIMIT_BYTES = 1024 * 1024

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

function cachedDiscovery(
  options: IdpOptions,
  now: () => number,
): () => Promise<oidc.Configuration> {
  let cached: { at: number; found: Promise<oidc.Configuration> } | undefined
  return () => {
    if (cached === undefined || now() - cached.at > METADATA_LIFETIME_MS) {
      const found = discovery(options)
      const entry = { at: now(), found }
      cached = entry
      found.catch(() => {
        if (cached === entry) cached = undefined
      })
    }
    return cached.found
  }
}

async function discovery(options: IdpOptions): Promise<oidc.Configuration> {
  const { issuer, clientId, clientSecret } = options
  const found = await oidc.discovery(
    new URL(issuer),
    clientId,
    clientSecret,
    // RFC 8414 section 2: basic is what an absent list means.
    (server, client, body, headers) => {
      const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
      const basic = methods.includes('client_secret_basic')
      const authenticate = basic
        ? oidc.ClientSecretBasic(clientSecret)
        : oidc.ClientSecretPost(clientSecret)
      return authenticate(server, client, body, headers)
    },
    { timeout: ANSWER_TIMEOUT_SECONDS, [oidc.customFetch]: fetchWith(options.caPem) },
  )
  return found
}

/** Fetches with undici's own client: Node's global fetch takes no dispatcher of another undici version. */
function fetchWith(caPem: string | undefined): oidc.CustomFetch {
  const dispatcher = new Agent({
    connect: caPem === undefined ? {} : { ca: caPem },
    maxResponseSize: ANSWER_LIMIT_BYTES,
    pipelining: 1,
    keepAliveTimeout: 1000,
  })
  return async (url, init) => {
    const answer = await fetch(url, { ...init, dispatcher } as Parameters<typeof fetch>[1])
    return answer as unknown as Response
  }
}

function reasonOf(error: unknown): LoginReason {
  if (error instanceof oidc.AuthorizationResponseError) return 'provider_refused'
  if (isNetworkError(error)) return 'provider_unreachable'
  return 'bad_provider_answer'
}

/** fetch wraps what failed below it in a TypeError; a timeout is a DOMException. */
function isNetworkError(error: unknown): boolean {
  const name = error instanceof Error ? error.name : ''
  const cause = error instanceof Error ? error.cause : undefined
  const inner = cause instanceof Error ? cause.name : ''
  const timeouts = ['TimeoutError', 'AbortError']
  const isFetch = error instanceof TypeError && error.message === 'fetch failed'
  return isFetch || timeouts.includes(name) || timeouts.includes(inner)
}

/** A code for the log: never the message, which may quote what the provider or the browser sent. */
function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const inner = error.cause instanceof Error ? `: ${codeOf(error.cause)}` : ''
  return `${codeOf(error)}${inner}`
}

function codeOf(error: Error): string {
  const code: unknown = Reflect.get(error, 'code')
  return typeof code === 'string' && /^[\w.-]{1,64}$/.test(code) ? code : error.name
}
