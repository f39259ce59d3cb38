/**
 * What a posted response must look like before anybody checks a signature in it: one assertion, signed where SAML signs,
 * addressed to us and to the request that this browser left with. Nothing read here counts as true: what counts is read
 * again from the signed octets (./assertion.ts).
 */
import { isUtf8 } from 'node:buffer'
import { err, ok } from '#lib/result'
import { child, flat } from './elements.ts'
import { ALGORITHMS, ASSERTION, PROTOCOL, SIGNATURE, STATUS_SUCCESS } from './names.ts'
import type { SamlReason, SamlResult } from './reasons.ts'
import { parseStrictXml, type XmlElement, type XmlFault } from './strict-xml.ts'

/** Whom a response must come from, and what it must answer. */
export type Expected = {
  /** Entity id of the provider. */
  readonly issuer: string
  /** URL of our assertion consumer service. */
  readonly recipient: string
  /** ID of our request. */
  readonly requestId: string
}

/** A response that looks as it must. */
export type SamlResponse = {
  readonly xml: string
  readonly assertion: XmlElement
  /** Whether it carries a signature of its own, beside that of the assertion. */
  readonly isSigned: boolean
}

/** Most that is read of a response, octets of XML. */
const XML_LIMIT_BYTES = 256 * 1024
const FAULTS: Readonly<Record<XmlFault, SamlReason>> = {
  forbidden_markup: 'saml_unsafe_xml',
  malformed: 'saml_malformed',
  too_complex: 'saml_too_large',
}

/** Reads the `SAMLResponse` field of a form. Never throws. */
export function readResponse(posted: string, expected: Expected): SamlResult<SamlResponse> {
  const xml = decode(posted)
  if (!xml.ok) return xml
  const root = parseStrictXml(xml.value)
  if (!root.ok) return err({ reason: FAULTS[root.error] })
  const reason = misfit(root.value, expected)
  if (reason !== undefined) return err({ reason })
  const assertion = child(root.value, ASSERTION, 'Assertion')
  if (assertion === undefined) return err({ reason: 'saml_not_one_assertion' })
  const unsigned = badSignatures(root.value, assertion)
  if (unsigned !== undefined) return err({ reason: unsigned })
  const isSigned = child(root.value, SIGNATURE, 'Signature') !== undefined
  return ok({ xml: xml.value, assertion, isSigned })
}

/** Base64 with line breaks (RFC 2045): some providers send them. */
function decode(posted: string): SamlResult<string> {
  if (posted.length > (XML_LIMIT_BYTES / 3) * 4 * 1.1) return err({ reason: 'saml_too_large' })
  const text = posted.replace(/[\r\n\t ]/g, '')
  const octets = Buffer.from(text, 'base64')
  if (octets.length > XML_LIMIT_BYTES) return err({ reason: 'saml_too_large' })
  const whole = octets.length > 0 && octets.toString('base64') === text && isUtf8(octets)
  return whole ? ok(octets.toString('utf8')) : err({ reason: 'saml_malformed' })
}

function misfit(
  root: XmlElement,
  { issuer, recipient, requestId }: Expected,
): SamlReason | undefined {
  const everything = [...flat(root)]
  const named = (name: string) => everything.filter((one) => one.name === name).length
  if (root.namespace !== PROTOCOL || root.name !== 'Response') return 'saml_malformed'
  if (root.attributes.get('Version') !== '2.0') return 'saml_malformed'
  if (root.attributes.get('InResponseTo') !== requestId) return 'saml_wrong_request'
  if (root.attributes.get('Destination') !== recipient) return 'saml_wrong_recipient'
  const from = child(root, ASSERTION, 'Issuer')
  if (from !== undefined && from.text !== issuer) return 'saml_wrong_issuer'
  const code = child(child(root, PROTOCOL, 'Status'), PROTOCOL, 'StatusCode')
  if (code?.attributes.get('Value') !== STATUS_SUCCESS) return 'provider_refused'
  if (everything.some(({ name }) => name.startsWith('Encrypted'))) return 'saml_encrypted'
  // Anywhere, not only where they belong: a second one is what wrapping attacks are made of (XSW1 to XSW8).
  if (named('Assertion') !== 1 || named('Response') !== 1) return 'saml_not_one_assertion'
  return everything.every(usesKnownAlgorithm) ? undefined : 'saml_weak_algorithm'
}

function usesKnownAlgorithm({ attributes }: XmlElement): boolean {
  return [...attributes].every(
    ([name, value]) => !/(?:^|:)Algorithm$/.test(name) || ALGORITHMS.has(value),
  )
}

/** Signatures stand in the element that they sign, and nowhere else; the assertion's is a must. */
function badSignatures(root: XmlElement, assertion: XmlElement): SamlReason | undefined {
  const everything = [...flat(root)]
  const signatures = everything.filter(({ name }) => name === 'Signature')
  const own = child(assertion, SIGNATURE, 'Signature')
  const outer = child(root, SIGNATURE, 'Signature')
  if (own === undefined) return 'saml_unsigned'
  const known = [own, ...(outer === undefined ? [] : [outer])]
  const signs = (signature: XmlElement, signed: XmlElement) =>
    referenceOf(signature) === `#${signed.attributes.get('ID')}`
  const inPlace =
    signatures.length === known.length &&
    signs(own, assertion) &&
    (outer === undefined || signs(outer, root))
  return inPlace && hasUniqueIds(everything) ? undefined : 'saml_bad_signature'
}

function referenceOf(signature: XmlElement): string | undefined {
  const references = [...flat(signature)].filter(({ name }) => name === 'Reference')
  const listed = child(child(signature, SIGNATURE, 'SignedInfo'), SIGNATURE, 'Reference')
  return references.length === 1 ? listed?.attributes.get('URI') : undefined
}

/** Of any spelling: a library might look for another one than SAML's. */
function hasUniqueIds(everything: readonly XmlElement[]): boolean {
  const ids = everything.flatMap(({ attributes }) =>
    [...attributes].filter(([name]) => /(?:^|:)id$/i.test(name)).map(([, id]) => id),
  )
  return new Set(ids).size === ids.length
}
