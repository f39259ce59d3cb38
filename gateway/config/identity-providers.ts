/**
 * Where users log in: each kind of provider has a file in ./providers, and its line in each of the tables here.
 */
import type { Shape } from '#lib/config/shape'
import { variant } from '#lib/config/variant-shape'
import { type GithubConfig, githubFiles, githubShape, toGithubConfig } from './providers/github.ts'
import { type LocalConfig, localShape } from './providers/local.ts'
import { type OidcConfig, oidcFiles, oidcShape, toOidcConfig } from './providers/oidc.ts'
import { type PinConfig, pinFiles, pinShape, toPinConfig } from './providers/pin.ts'
import type { ProviderFile, Resolve } from './providers/provider-file.ts'
import { type SamlConfig, samlFiles, samlShape, toSamlConfig } from './providers/saml.ts'

/** One provider, as configured. `name` with the provider's subject is a user's identity. */
export type IdentityProviderConfig =
  | OidcConfig
  | GithubConfig
  | SamlConfig
  | PinConfig
  | LocalConfig

/** The shape of one provider as written. */
export const providerShape = variant(
  'kind',
  { oidc: oidcShape, github: githubShape, saml: samlShape, pin: pinShape, local: localShape },
  'an identity provider',
)

type Written = typeof providerShape extends Shape<infer T> ? T : never

/** The settings with absolute file paths. */
export function toProviderConfig(written: Written, resolve: Resolve): IdentityProviderConfig {
  switch (written.kind) {
    case 'oidc':
      return toOidcConfig(written, resolve)
    case 'github':
      return toGithubConfig(written, resolve)
    case 'pin':
      return toPinConfig(written, resolve)
    case 'local':
      return written
    case 'saml':
      return toSamlConfig(written, resolve)
  }
}

/** Files that the settings name. */
export function providerFiles(config: IdentityProviderConfig): ProviderFile[] {
  switch (config.kind) {
    case 'oidc':
      return oidcFiles(config)
    case 'github':
      return githubFiles(config)
    case 'pin':
      return pinFiles(config)
    case 'local':
      return []
    case 'saml':
      return samlFiles(config)
  }
}
