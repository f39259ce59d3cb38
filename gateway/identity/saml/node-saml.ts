/**
 * What we leave to node-saml: writing requests, and checking signatures. It is asked for all that we check ourselves
 * too, so that either may refuse.
 */
import { type CacheProvider, SAML, ValidateInResponseTo } from '@node-saml/node-saml'
import type { LoginWish } from '../identity-provider.ts'
import type { PendingRequest, SamlOptions } from './request.ts'
import type { SamlResponse } from './response.ts'
import { parseStrictXml, type XmlElement } from './strict-xml.ts'
import { CLOCK_SKEW_MS } from './validity.ts'

/** Where to send the browser with a request. */
export function requestUrl(
  options: SamlOptions,
  { request, relayState }: PendingRequest,
  { maxAgeSeconds, acrValues, anew = false }: LoginWish,
): Promise<string> {
  const saml = samlFor(options, {
    generateUniqueId: () => request,
    forceAuthn: anew || maxAgeSeconds !== undefined,
    disableRequestedAuthnContext: acrValues === undefined,
    ...(acrValues !== undefined && { authnContext: [...acrValues] }),
  })
  return saml.getAuthorizeUrlAsync(relayState, undefined, {})
}

/** Our metadata for this provider, XML. */
export function metadataFor(options: SamlOptions): string {
  const certificate = options.signing?.certificate ?? null
  return samlFor(options, {}).generateServiceProviderMetadata(null, certificate)
}

/**
 * The assertion as its signature covers it.
 * @throws {Error} when no signature of the provider covers one, or one of the whole response is there and is not
 * valid. Its message quotes what was posted: never log it.
 */
export async function signedAssertion(
  options: SamlOptions,
  pending: PendingRequest,
  { xml, isSigned }: SamlResponse,
): Promise<XmlElement> {
  const cacheProvider = onlyRequest(pending)
  const saml = samlFor(options, { cacheProvider, wantAuthnResponseSigned: isSigned })
  const SAMLResponse = Buffer.from(xml).toString('base64')
  const { profile } = await saml.validatePostResponseAsync({ SAMLResponse })
  const assertion = parseStrictXml(profile?.getAssertionXml?.() ?? '')
  if (!assertion.ok) throw new Error('the signed assertion cannot be read')
  return assertion.value
}

type NodeSamlOptions = ConstructorParameters<typeof SAML>[0]

function samlFor(options: SamlOptions, change: Partial<NodeSamlOptions>): SAML {
  const { signing } = options
  return new SAML({
    entryPoint: options.entryPoint,
    issuer: options.entityId,
    audience: options.entityId,
    callbackUrl: options.acsUrl,
    idpCert: [...options.idpCertificates],
    idpIssuer: options.idpEntityId,
    identifierFormat: null,
    wantAssertionsSigned: true,
    wantAuthnResponseSigned: false,
    validateInResponseTo: ValidateInResponseTo.always,
    acceptedClockSkewMs: CLOCK_SKEW_MS,
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    ...(signing && { privateKey: signing.privateKey, publicCert: signing.certificate }),
    ...change,
  })
}

/** node-saml's memory of requests: this browser has one, and its cookie holds it. */
function onlyRequest({ request, askedAtMs }: PendingRequest): CacheProvider {
  const asked = new Date(Number(askedAtMs)).toISOString()
  return {
    saveAsync: async () => null,
    getAsync: async (id) => (id === request ? asked : null),
    removeAsync: async (id) => id,
  }
}
