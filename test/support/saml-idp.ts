/**
 * A SAML identity provider for one test. It signs with samlify, and says whatever it is told to say.
 */
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { createRequire } from 'node:module'
import { inflateRawSync } from 'node:zlib'
import * as x509 from '@peculiar/x509'

type Signing = {
  readonly rawSamlMessage: string
  readonly referenceTagXPath: string
  readonly privateKey: string
  readonly signingCert: string
  readonly signatureAlgorithm: string
  readonly isBase64Output: false
  readonly signatureConfig: {
    readonly prefix: string
    readonly location: { readonly reference: string; readonly action: 'after' | 'append' }
  }
}
/** Not imported: its declarations bring the DOM library of TypeScript with them. */
const samlify: {
  readonly SamlLib: { constructSAMLSignature(options: Signing): string }
} = createRequire(import.meta.url)('samlify')

const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
} as const
export const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'
export const RSA_SHA1 = 'http://www.w3.org/2000/09/xmldsig#rsa-sha1'
const SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success'
export const ENTITY_ID = 'https://idp.example.com/saml'

export type IdpKey = { readonly certPem: string; readonly keyPem: string }

/** An RSA key with a certificate of its own. */
export async function idpKey(modulusLength = 2048): Promise<IdpKey> {
  x509.cryptoProvider.set(webcrypto as Crypto)
  const keys = await webcrypto.subtle.generateKey({ ...RSA, modulusLength }, true, [
    'sign',
    'verify',
  ])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=idp',
    keys: keys as CryptoKeyPair,
    signingAlgorithm: RSA,
  })
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    certPem: certificate.toString('pem'),
    keyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
  }
}

/** What a response says. */
export type Said = {
  readonly requestId: string
  readonly acsUrl: string
  readonly audience: string
  readonly issuer: string
  readonly nameId: string
  readonly nameIdFormat: string
  readonly attributes: Readonly<Record<string, readonly string[]>>
  readonly status: string
  readonly nowMs: number
  readonly notBeforeMs: number
  readonly notOnOrAfterMs: number
  readonly authnInstantMs: number
  readonly sessionEndMs?: number
  readonly responseId: string
  readonly assertionId: string
}

/** What an honest provider says to a request, now. */
export function honest(request: Pick<Said, 'requestId' | 'acsUrl' | 'audience'>): Said {
  const nowMs = Date.now()
  return {
    ...request,
    issuer: ENTITY_ID,
    nameId: 'Demo@Example.com',
    nameIdFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
    attributes: { groups: ['engineers', 'staff'], department: ['R & D'] },
    status: SUCCESS,
    nowMs,
    notBeforeMs: nowMs - 5000,
    notOnOrAfterMs: nowMs + 300_000,
    authnInstantMs: nowMs - 1000,
    responseId: `_${randomBytes(16).toString('hex')}`,
    assertionId: `_${randomBytes(16).toString('hex')}`,
  }
}

const instant = (ms: number) => new Date(ms).toISOString()
const encoded = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/** An assertion without a signature. */
export function assertionXml(said: Said): string {
  const attributes = Object.entries(said.attributes).map(
    ([name, values]) =>
      `<saml:Attribute Name="${name}">${values
        .map((value) => `<saml:AttributeValue>${encoded(value)}</saml:AttributeValue>`)
        .join('')}</saml:Attribute>`,
  )
  const session =
    said.sessionEndMs === undefined ? '' : ` SessionNotOnOrAfter="${instant(said.sessionEndMs)}"`
  return (
    `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${said.assertionId}" Version="2.0" IssueInstant="${instant(said.nowMs)}">` +
    `<saml:Issuer>${said.issuer}</saml:Issuer>` +
    `<saml:Subject><saml:NameID Format="${said.nameIdFormat}">${said.nameId}</saml:NameID>` +
    '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">' +
    `<saml:SubjectConfirmationData InResponseTo="${said.requestId}" NotOnOrAfter="${instant(said.notOnOrAfterMs)}" Recipient="${said.acsUrl}"/>` +
    '</saml:SubjectConfirmation></saml:Subject>' +
    `<saml:Conditions NotBefore="${instant(said.notBeforeMs)}" NotOnOrAfter="${instant(said.notOnOrAfterMs)}">` +
    `<saml:AudienceRestriction><saml:Audience>${said.audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
    `<saml:AuthnStatement AuthnInstant="${instant(said.authnInstantMs)}"${session}><saml:AuthnContext>` +
    '<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef>' +
    '</saml:AuthnContext></saml:AuthnStatement>' +
    `<saml:AttributeStatement>${attributes.join('')}</saml:AttributeStatement></saml:Assertion>`
  )
}

/** A response around something. */
export function responseXml(said: Said, inside = assertionXml(said)): string {
  return (
    `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${said.responseId}" Version="2.0" IssueInstant="${instant(said.nowMs)}" Destination="${said.acsUrl}" InResponseTo="${said.requestId}">` +
    `<saml:Issuer>${said.issuer}</saml:Issuer>` +
    `<samlp:Status><samlp:StatusCode Value="${said.status}"/></samlp:Status>${inside}</samlp:Response>`
  )
}

/** Signs the assertion, or the response, of a document, in its place. */
export function signed(
  xml: string,
  { keyPem, certPem }: IdpKey,
  what: 'Assertion' | 'Response' = 'Assertion',
  signatureAlgorithm = RSA_SHA256,
): string {
  const signedElement = `//*[local-name()='${what}']`
  return samlify.SamlLib.constructSAMLSignature({
    rawSamlMessage: xml,
    referenceTagXPath: signedElement,
    privateKey: keyPem,
    signingCert: certPem.replace(/-----[A-Z ]+-----|\s/g, ''),
    signatureAlgorithm,
    isBase64Output: false,
    signatureConfig: {
      prefix: 'ds',
      location: { reference: `${signedElement}/*[local-name()='Issuer']`, action: 'after' },
    },
  })
}

/** The form that the provider makes the browser post. */
export function posted(xml: string, relayState: string): URLSearchParams {
  const SAMLResponse = Buffer.from(xml).toString('base64')
  return new URLSearchParams({ SAMLResponse, RelayState: relayState })
}

/** The AuthnRequest in a redirect, as XML. */
export function requestOf(url: string): string {
  const request = new URL(url).searchParams.get('SAMLRequest') ?? ''
  return inflateRawSync(Buffer.from(request, 'base64')).toString()
}
