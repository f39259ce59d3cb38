import type { Result } from '#lib/result'

/** Why a response is refused. */
export type SamlReason =
  | 'provider_refused'
  | 'saml_too_large'
  | 'saml_malformed'
  | 'saml_unsafe_xml'
  | 'saml_encrypted'
  | 'saml_not_one_assertion'
  | 'saml_unsigned'
  | 'saml_weak_algorithm'
  | 'saml_bad_signature'
  | 'saml_wrong_issuer'
  | 'saml_wrong_audience'
  | 'saml_wrong_recipient'
  | 'saml_wrong_request'
  | 'saml_not_yet_valid'
  | 'saml_expired'
  | 'saml_old_login'
  | 'saml_bad_subject'
  | 'saml_replayed'

export type SamlResult<T> = Result<T, { readonly reason: SamlReason }>
