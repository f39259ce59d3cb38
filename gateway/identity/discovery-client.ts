/**
 * Finds out a provider's endpoints (OpenID Connect Discovery) and how we prove who we are there.
 */
import * as oidc from 'openid-client'
import { ANSWER_TIMEOUT_SECONDS, providerFetch } from './provider-fetch-client.ts'

/** How we reach a provider, and who we are there. */
export type ProviderAccess = {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** CAs to trust instead of the system's, PEM. */
  readonly caPem?: string
}

/** Providers change keys and endpoints seldom; keys are looked up anew by openid-client when one is unknown. */
const METADATA_LIFETIME_MS = 3_600_000

/** A provider's metadata, asked for when first needed and kept for an hour; a failure is not kept. */
export function cachedDiscovery(
  options: ProviderAccess,
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

function discovery(options: ProviderAccess): Promise<oidc.Configuration> {
  const { issuer, clientId, clientSecret } = options
  return oidc.discovery(
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
    {
      timeout: ANSWER_TIMEOUT_SECONDS,
      [oidc.customFetch]: providerFetch(options.caPem),
      // The library trusts TLS to the token endpoint for an ID token's origin; we want its signature too.
      execute: [oidc.enableNonRepudiationChecks],
    },
  )
}
