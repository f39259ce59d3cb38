/**
 * Which files a configuration names, for whoever checks that they are there.
 */
import type { Path } from '#lib/config/mistake'
import type { GatewayConfig, WebListenerConfig } from './gateway-config.ts'
import { providerFiles } from './identity-providers.ts'

/** A file and where it is named. */
export type NamedFile = {
  readonly path: Path
  readonly file: string
  /** Others than owner and group may not read it. */
  readonly secret: boolean
}

/** Every file the configuration names, the data directory apart. */
export function namedFiles(config: GatewayConfig): NamedFile[] {
  const { identityProviders, recordings } = config
  return [
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

function certificateFiles(key: string, { certificate }: WebListenerConfig): NamedFile[] {
  if (certificate === undefined) return []
  const { certificateFile, keyFile } = certificate
  return [
    { path: ['gateway', key, 'certificate_file'], file: certificateFile, secret: false },
    { path: ['gateway', key, 'key_file'], file: keyFile, secret: true },
  ]
}
