/**
 * Opens the identity providers of the configuration, each by its kind. Files are read at start: a changed secret takes
 * effect at the next one, like the rest of the `gateway` section.
 */
import { readFileSync } from 'node:fs'
import type { Log } from '#lib/log'
import type { IdentityProviderConfig } from '../config/identity-providers.ts'
import type { GithubConfig } from '../config/providers/github.ts'
import type { OidcConfig } from '../config/providers/oidc.ts'
import type { PinConfig } from '../config/providers/pin.ts'
import type { SamlConfig } from '../config/providers/saml.ts'
import type { Store } from '../store/store.ts'
import { GITHUB_CALLBACK, openGithub } from './github/github-client.ts'
import type { IdentityProvider } from './identity-provider.ts'
import { OIDC_CALLBACK, openIdp } from './idp-client.ts'
import { openLocalDirectory } from './local/local-directory.ts'
import { openPasswords } from './local/passwords.ts'
import { openMailer } from './pin/mail-client.ts'
import { openPinProvider } from './pin/pin-provider.ts'
import { readCertificates } from './saml/certificates.ts'
import { SAML_ACS, samlEntityId } from './saml/names.ts'
import { openSaml } from './saml/saml-client.ts'

/** What providers are opened with. */
export type ProviderDeps = {
  /** Where browsers come back to. */
  readonly loginOrigin: string
  /** Display name. */
  readonly organisation: string
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
    case 'github':
      return openGithubProvider(config, deps)
    case 'pin':
      return openPin(config, deps)
    case 'local':
      return openLocalDirectory(config.name, { ...deps, passwords: openPasswords() })
    case 'saml':
      return openSamlProvider(config, deps)
  }
}

function openOidc(
  { clientSecretFile, caFile, ...config }: OidcConfig,
  { loginOrigin, log, now }: ProviderDeps,
): IdentityProvider {
  const clientSecret = secretIn(clientSecretFile)
  const redirectUri = `${loginOrigin}${OIDC_CALLBACK}`
  return openIdp({ ...config, clientSecret, redirectUri, ...caIn(caFile) }, { log, now })
}

function openGithubProvider(
  { clientSecretFile, caFile, ...config }: GithubConfig,
  { loginOrigin, log, now }: ProviderDeps,
): IdentityProvider {
  const redirectUri = `${loginOrigin}${GITHUB_CALLBACK}`
  const clientSecret = secretIn(clientSecretFile)
  return openGithub({ ...config, clientSecret, redirectUri, ...caIn(caFile) }, { log, now })
}

function openPin(
  { name, allow, host, port, tls, from, login, caFile }: PinConfig,
  { organisation, store, log, now }: ProviderDeps,
): IdentityProvider {
  const account = login && { user: login.user, password: secretIn(login.passwordFile) }
  const mailer = { host, port, tls, from, ...(account && { login: account }), ...caIn(caFile) }
  const post = openMailer(mailer, log)
  return openPinProvider({ name, organisation, allow }, { store, post, log, now })
}

function secretIn(file: string): string {
  return readFileSync(file, 'utf8').trim()
}

function caIn(file: string | undefined): { readonly caPem?: string } {
  return file === undefined ? {} : { caPem: readFileSync(file, 'utf8') }
}

function openSamlProvider(config: SamlConfig, deps: ProviderDeps): IdentityProvider {
  const { name, emailAttribute, groupsAttribute, claims, signing } = config
  const email = emailAttribute === undefined ? {} : { emailAttribute }
  const text = (file: string) => readFileSync(file, 'utf8')
  return openSaml(
    {
      attributes: { provider: name, groupsAttribute, claims, ...email },
      entryPoint: config.entryPoint,
      idpEntityId: config.idpEntityId,
      idpCertificates: readCertificates(text(config.idpCertificatesFile)),
      entityId: samlEntityId(deps.loginOrigin, name),
      acsUrl: `${deps.loginOrigin}${SAML_ACS}`,
      ...(signing && {
        signing: {
          privateKey: text(signing.keyFile),
          certificate: text(signing.certificateFile),
        },
      }),
    },
    { ...deps, replays: deps.store.replays },
  )
}
