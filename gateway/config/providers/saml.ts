/**
 * Identity providers of kind `saml`.
 */
import {
  defaulted,
  list,
  mapping,
  optional,
  required,
  type ValueOf,
} from '#lib/config/mapping-shape'
import { checked, oneOf } from '#lib/config/shape'
import { filePath, httpsUrl, line, name } from '#lib/config/text-shapes'
import type { ProviderFile, Resolve } from './provider-file.ts'

export type SamlConfig = {
  readonly name: string
  readonly kind: 'saml'
  readonly entryPoint: string
  readonly idpEntityId: string
  /** One certificate or more, PEM. */
  readonly idpCertificatesFile: string
  readonly groupsAttribute: string
  readonly emailAttribute?: string
  readonly claims: readonly string[]
  /** Key and certificate that sign requests. */
  readonly signing?: { readonly keyFile: string; readonly certificateFile: string }
}

const fields = {
  name: required(name, "What records call it; part of a user's identity, so do not rename it."),
  kind: required(oneOf('saml'), 'SAML 2.0. Its metadata: `LOGIN_URL/saml/metadata?provider=NAME`.'),
  entry_point: required(httpsUrl, 'Where its single sign-on service takes redirects.'),
  idp_entity_id: required(line, 'Its entity id: the issuer of its assertions.'),
  idp_certificates_file: required(
    filePath,
    'Certificates that it signs with, PEM, RSA of 2048 bits or more; two while it changes keys.',
  ),
  email_attribute: optional(line, 'Attribute with the address; without it the NameID is one.'),
  groups_attribute: defaulted(line, "Attribute that lists the user's groups.", 'groups'),
  claims: defaulted(
    list(line, { kind: 'a list of attribute names' }),
    'Further attributes that policies may ask about.',
    [],
  ),
  signing_key_file: optional(filePath, 'Private key that signs our requests, RSA, PEM.'),
  signing_certificate_file: optional(filePath, 'Certificate of that key, PEM.'),
} as const

export const samlShape = checked(mapping(fields, 'a SAML 2.0 provider'), (written, path) => {
  const { signing_key_file: key, signing_certificate_file: certificate } = written
  if ((key === undefined) === (certificate === undefined)) return []
  const missing = key === undefined ? 'signing_key_file' : 'signing_certificate_file'
  return [{ path, message: `"${missing}" is missing; key and certificate go together` }]
})

export function toSamlConfig(written: ValueOf<typeof fields>, resolve: Resolve): SamlConfig {
  const { signing_key_file: key, signing_certificate_file: certificate } = written
  return {
    name: written.name,
    kind: 'saml',
    entryPoint: written.entry_point,
    idpEntityId: written.idp_entity_id,
    idpCertificatesFile: resolve(written.idp_certificates_file),
    groupsAttribute: written.groups_attribute,
    ...(written.email_attribute !== undefined && { emailAttribute: written.email_attribute }),
    claims: written.claims,
    ...(key !== undefined &&
      certificate !== undefined && {
        signing: { keyFile: resolve(key), certificateFile: resolve(certificate) },
      }),
  }
}

export function samlFiles({ idpCertificatesFile, signing }: SamlConfig): ProviderFile[] {
  const certificates = { key: 'idp_certificates_file', file: idpCertificatesFile, secret: false }
  if (signing === undefined) return [certificates]
  return [
    certificates,
    { key: 'signing_key_file', file: signing.keyFile, secret: true },
    { key: 'signing_certificate_file', file: signing.certificateFile, secret: false },
  ]
}
