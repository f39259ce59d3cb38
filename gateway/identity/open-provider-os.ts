/**
 * Opens the identity providers of the configuration, each by its kind. Files are read at start: a changed secret takes
 * effect at the next one, like the rest of the `gateway` section.
 */
import { readFileSync } from 'node:fs'
import type { Log } from '#lib/log'
import type { IdentityProviderConfig } from '../config/identity-providers.ts'
import type { OidcConfig } from '../config/providers/oidc.ts'
import type { Store } from '../store/store.ts'
import type { IdentityProvider } from './identity-provider.ts'
import { OIDC_CALLBACK, openIdp } from './idp-client.ts'
import { openLocalDirectory } from './local/local-directory.ts'
import { openPasswords } from './local/passwords.ts'

/** What providers are opened with. */
export type ProviderDeps = {
  /** Where browsers come back to. */
  readonly loginOrigin: string
  readonly store: Store
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/** Opens one provider. @throws {Error} when one of its files cannot be read. */
export function openProvider(config: IdentityProviderConfig, deps: ProviderDeps): IdentityProvider {
  switch (config.kind) {
    case 'oidc':
      return openOidc(config, deps)
    case 'local':
      return openLocalDirectory(config.name, { ...deps, passwords: openPasswords() })
  }
}

function openOidc(
  { name, issuer, clientId, clientSecretFile, caFile, groupsClaim }: OidcConfig,
  { loginOrigin, log, now }: ProviderDeps,
): IdentityProvider {
  const clientSecret = readFileSync(clientSecretFile, 'utf8').trim()
  const redirectUri = `${loginOrigin}${OIDC_CALLBACK}`
  const ca = caFile === undefined ? {} : { caPem: readFileSync(caFile, 'utf8') }
  const options = { name, issuer, clientId, clientSecret, groupsClaim, redirectUri, ...ca }
  return openIdp(options, { log, now })
}
