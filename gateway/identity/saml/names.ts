/** Names of the SAML 2.0 and XML signature specifications, and our own there. */

/** Where a provider makes browsers post to, on the login origin. */
export const SAML_ACS = '/saml/acs'
export const SAML_METADATA = '/saml/metadata'

/** Our entity id for one provider: each has its own, so that no two share an audience. */
export function samlEntityId(loginOrigin: string, provider: string): string {
  return `${loginOrigin}${SAML_METADATA}?provider=${encodeURIComponent(provider)}`
}

export const PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol'
export const ASSERTION = 'urn:oasis:names:tc:SAML:2.0:assertion'
export const SIGNATURE = 'http://www.w3.org/2000/09/xmldsig#'

export const STATUS_SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success'
export const METHOD_BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer'
export const NAME_ID_TRANSIENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'

/**
 * Every algorithm that a response may name: RSA with SHA-2, exclusive canonicalisation without comments, the enveloped
 * signature. No SHA-1, no HMAC (a public key must never become a shared secret), no XPath or XSLT.
 */
export const ALGORITHMS: ReadonlySet<string> = new Set([
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
  'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
  'http://www.w3.org/2001/04/xmlenc#sha256',
  'http://www.w3.org/2001/04/xmlenc#sha512',
  'http://www.w3.org/2001/10/xml-exc-c14n#',
  'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
])
