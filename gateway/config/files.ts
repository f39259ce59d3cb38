/**
 * Which files a configuration names, for whoever checks that they are there.
 */
import type { Path } from '#lib/config/mistake'
import { LOGO_LIMIT_BYTES, readLogo } from '../login/logo.ts'
import { alertSinkFiles } from './alert-sinks.ts'
import type { GatewayConfig, WebListenerConfig } from './gateway-config.ts'
import { providerFiles } from './identity-providers.ts'
import type { LoginPageConfig } from './login-page.ts'

/** A file and where it is named. */
export type NamedFile = {
  readonly path: Path
  readonly file: string
  /** Others than owner and group may not read it. */
  readonly secret: boolean
  /** What is wrong with its content, where that can be said; absent: it is only looked for. */
  readonly check?: ContentCheck
}

type ContentCheck = {
  /** Longer files are not read. */
  readonly limitBytes: number
  readonly isRight: (content: Buffer) => boolean
  /** What the file must be. */
  readonly wanted: string
}

/** Every file the configuration names, the data directory apart. */
export function namedFiles(config: GatewayConfig): NamedFile[] {
  const { identityProviders, recordings } = config
  return [
    ...alertSinkFiles(config.alerts),
    ...logoFiles(config.loginPage),
    ...countryFiles(config),
    ...certificateFiles('login', config.login),
    ...certificateFiles('admin', config.admin),
    ...identityProviders.flatMap((provider, index) =>
      providerFiles(provider).map(({ key, file, secret }) => {
        return { path: ['gateway', 'identity_providers', index, key], file, secret }
      }),
    ),
    ...(recordings
      ? [
          {
            path: ['gateway', 'recordings', 'recipients_file'],
            file: recordings.recipientsFile,
            secret: false,
          },
        ]
      : []),
  ]
}

function logoFiles({ logoFile }: LoginPageConfig): NamedFile[] {
  if (logoFile === undefined) return []
  const check = {
    limitBytes: LOGO_LIMIT_BYTES,
    isRight: (content: Buffer) => readLogo(content) !== undefined,
    wanted: 'a PNG or SVG file of at most 64 KiB',
  }
  return [{ path: ['gateway', 'login_page', 'logo_file'], file: logoFile, secret: false, check }]
}

function countryFiles({ countryDatabase: file }: GatewayConfig): NamedFile[] {
  if (file === undefined) return []
  return [{ path: ['gateway', 'country_database'], file, secret: false }]
}

function certificateFiles(key: string, { certificate }: WebListenerConfig): NamedFile[] {
  if (certificate === undefined) return []
  const { certificateFile, keyFile } = certificate
  return [
    { path: ['gateway', key, 'certificate_file'], file: certificateFile, secret: false },
    { path: ['gateway', key, 'key_file'], file: keyFile, secret: true },
  ]
}
