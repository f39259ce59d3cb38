/**
 * Identity providers of kind `github`.
 */
import { defaulted, mapping, optional, required, type ValueOf } from '#lib/config/mapping-shape'
import { oneOf } from '#lib/config/shape'
import { filePath, httpsUrl, line, name } from '#lib/config/text-shapes'
import type { ProviderFile, Resolve } from './provider-file.ts'

export type GithubConfig = {
  readonly name: string
  readonly kind: 'github'
  readonly clientId: string
  /** Holds the client's secret and nothing else. */
  readonly clientSecretFile: string
  /** Where people log in, without a slash at the end. */
  readonly webUrl: string
  /** Root of the REST API, without a slash at the end. */
  readonly apiUrl: string
  /** CAs that vouch for both, PEM; absent: the system's. */
  readonly caFile?: string
}

const fields = {
  name: required(name, "What records call it; part of a user's identity, so do not rename it."),
  kind: required(oneOf('github'), 'GitHub, by an OAuth App.'),
  client_id: required(line, 'Client id of the OAuth App.'),
  client_secret_file: required(filePath, 'File with its client secret and nothing else.'),
  web_url: defaulted(
    httpsUrl,
    'Where people log in; of GitHub Enterprise Server `https://HOST`.',
    'https://github.com',
  ),
  api_url: defaulted(
    httpsUrl,
    'Root of the REST API; of GitHub Enterprise Server `https://HOST/api/v3`.',
    'https://api.github.com',
  ),
  ca_file: optional(filePath, "CAs that vouch for both, PEM; without it the system's."),
} as const

export const githubShape = mapping(fields, 'GitHub')

export function toGithubConfig(written: ValueOf<typeof fields>, resolve: Resolve): GithubConfig {
  return {
    name: written.name,
    kind: 'github',
    clientId: written.client_id,
    clientSecretFile: resolve(written.client_secret_file),
    webUrl: written.web_url.replace(/\/+$/, ''),
    apiUrl: written.api_url.replace(/\/+$/, ''),
    ...(written.ca_file !== undefined && { caFile: resolve(written.ca_file) }),
  }
}

export function githubFiles({ clientSecretFile, caFile }: GithubConfig): ProviderFile[] {
  const secret = { key: 'client_secret_file', file: clientSecretFile, secret: true }
  return caFile === undefined ? [secret] : [secret, { key: 'ca_file', file: caFile, secret: false }]
}
