/**
 * Identity providers of kind `oidc`.
 */
import {
  defaulted,
  list,
  mapping,
  optional,
  required,
  type ValueOf,
} from '#lib/config/mapping-shape'
import { oneOf } from '#lib/config/shape'
import { filePath, httpsUrl, line, name } from '#lib/config/text-shapes'
import type { ProviderFile, Resolve } from './provider-file.ts'

export type OidcConfig = {
  readonly name: string
  readonly kind: 'oidc'
  readonly issuer: string
  readonly clientId: string
  /** Holds the client's secret and nothing else. */
  readonly clientSecretFile: string
  /** CAs that vouch for the issuer, PEM; absent: the system's. */
  readonly caFile?: string
  readonly groupsClaim: string
  readonly claims: readonly string[]
  readonly sessionEndClaim?: string
}

const fields = {
  name: required(name, "What records call it; part of a user's identity, so do not rename it."),
  kind: required(oneOf('oidc'), 'OpenID Connect.'),
  issuer: required(httpsUrl, "Issuer, exactly as the provider's discovery document states it."),
  client_id: required(line, 'Client id that the provider gave.'),
  client_secret_file: required(filePath, 'File with the client secret and nothing else.'),
  ca_file: optional(filePath, "CAs that vouch for the issuer, PEM; without it the system's."),
  groups_claim: defaulted(line, "Claim that lists the user's groups.", 'groups'),
  claims: defaulted(
    list(line, { kind: 'a list of claim names' }),
    'Further claims that policies may ask about.',
    [],
  ),
  session_end_claim: optional(
    line,
    'Claim with the time after which a login counts no more, Unix seconds.',
  ),
} as const

export const oidcShape = mapping(fields, 'an OpenID Connect provider')

export function toOidcConfig(written: ValueOf<typeof fields>, resolve: Resolve): OidcConfig {
  return {
    name: written.name,
    kind: 'oidc',
    issuer: written.issuer,
    clientId: written.client_id,
    clientSecretFile: resolve(written.client_secret_file),
    ...(written.ca_file !== undefined && { caFile: resolve(written.ca_file) }),
    groupsClaim: written.groups_claim,
    claims: written.claims,
    ...(written.session_end_claim !== undefined && { sessionEndClaim: written.session_end_claim }),
  }
}

export function oidcFiles({ clientSecretFile, caFile }: OidcConfig): ProviderFile[] {
  const secret = { key: 'client_secret_file', file: clientSecretFile, secret: true }
  return caFile === undefined ? [secret] : [secret, { key: 'ca_file', file: caFile, secret: false }]
}
