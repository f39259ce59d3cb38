import { createHmac } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { SamlReason } from '../../../../gateway/identity/saml/reasons.ts'
import {
  assertionXml,
  type IdpKey,
  idpKey,
  posted,
  RSA_SHA1,
  responseXml,
  type Said,
  signed,
} from '../../../support/saml-idp.ts'
import { KEY, started } from '../../../support/saml-rig.ts'
import { ASSERTION_WRAPPINGS, RESPONSE_WRAPPINGS, wrapped } from '../../../support/saml-wrapping.ts'

const OTHER_KEY: IdpKey = await idpKey()
const sign = (said: Said) => signed(responseXml(said), KEY)
const base64 = (text: string) => Buffer.from(text).toString('base64')

/** What is posted instead of an honest response. */
type Attack = (said: Said) => string

/** An HMAC whose key is the public certificate. */
function hmacSigned(xml: string): string {
  const info = /<ds:SignedInfo>.*<\/ds:SignedInfo>/s.exec(xml)?.[0] ?? ''
  const value = createHmac('sha1', KEY.certPem).update(info).digest('base64')
  return xml
    .replace(
      /(<ds:SignatureMethod Algorithm=")[^"]*/,
      '$1http://www.w3.org/2000/09/xmldsig#hmac-sha1',
    )
    .replace(/(<ds:SignatureValue>)[^<]*/, `$1${value}`)
}

const unencoded: Readonly<Record<string, readonly [Attack, SamlReason]>> = {
  'no signature': [(said) => responseXml(said), 'saml_unsigned'],
  'a signature of the response alone': [
    (said) => signed(responseXml(said), KEY, 'Response'),
    'saml_unsigned',
  ],
  'a signature of another key': [
    (said) => signed(responseXml(said), OTHER_KEY),
    'saml_bad_signature',
  ],
  'a response signed by another key around a good assertion': [
    (said) => signed(sign(said), OTHER_KEY, 'Response'),
    'saml_bad_signature',
  ],
  'a signed response that was changed outside its assertion': [
    (said) => signed(sign(said), KEY, 'Response').replace(/ IssueInstant="[^"]*"/, ''),
    'saml_bad_signature',
  ],
  'a changed address': [(said) => sign(said).replace('Demo@', 'Boss@'), 'saml_bad_signature'],
  'a signature over another element': [
    (said) => sign(said).replace(/URI="#[^"]*"/, `URI="#${said.responseId}"`),
    'saml_bad_signature',
  ],
  'a signature over the whole document': [
    (said) => sign(said).replace(/URI="#[^"]*"/, 'URI=""'),
    'saml_bad_signature',
  ],
  'two signatures of the assertion': [
    (said) => sign(said).replace(/<ds:Signature .*<\/ds:Signature>/s, '$&$&'),
    'saml_unsigned',
  ],
  'two references in the signature': [
    (said) => sign(said).replace(/<ds:Reference .*<\/ds:Reference>/s, '$&$&'),
    'saml_bad_signature',
  ],
  'an ID that is there twice': [
    (said) => sign({ ...said, responseId: said.assertionId }),
    'saml_bad_signature',
  ],
  'a signature with SHA-1': [
    (said) => signed(responseXml(said), KEY, 'Assertion', RSA_SHA1),
    'saml_weak_algorithm',
  ],
  'a signature by HMAC with the public key': [
    (said) => hmacSigned(sign(said)),
    'saml_weak_algorithm',
  ],
  'an XSLT transform': [
    (said) =>
      sign(said).replace('2000/09/xmldsig#enveloped-signature', 'TR/1999/REC-xslt-19991116'),
    'saml_weak_algorithm',
  ],
  'canonical XML with comments': [
    (said) => sign(said).replace('xml-exc-c14n#', 'xml-exc-c14n#WithComments'),
    'saml_weak_algorithm',
  ],
  'a comment inside the address (CVE-2017-11427)': [
    (said) =>
      sign({ ...said, nameId: 'boss@example.com.evil.net' }).replace('.evil', '<!---->.evil'),
    'saml_unsafe_xml',
  ],
  'CDATA inside the address': [
    (said) => sign(said).replace('Demo@', '<![CDATA[Demo@]]>'),
    'saml_unsafe_xml',
  ],
  'a processing instruction': [
    (said) => sign(said).replace('Demo@', '<?x?>Demo@'),
    'saml_unsafe_xml',
  ],
  'a document type': [(said) => `<!DOCTYPE r>${sign(said)}`, 'saml_unsafe_xml'],
  'an external entity': [
    (said) =>
      `<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>${sign(said).replace('Demo@', '&x;@')}`,
    'saml_unsafe_xml',
  ],
  'an expanding entity': [
    (said) =>
      `<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>${sign(said)}`,
    'saml_unsafe_xml',
  ],
  'an entity of HTML': [(said) => sign(said).replace('Demo', 'D&eacute;mo'), 'saml_malformed'],
  'an assertion that has expired': [
    (said) => sign({ ...said, notOnOrAfterMs: said.nowMs - 61_000 }),
    'saml_expired',
  ],
  'an assertion that is not yet valid': [
    (said) => sign({ ...said, notBeforeMs: said.nowMs + 70_000 }),
    'saml_not_yet_valid',
  ],
  'a login that lies ahead': [
    (said) => sign({ ...said, authnInstantMs: said.nowMs + 70_000 }),
    'saml_not_yet_valid',
  ],
  'a session that has ended': [
    (said) => sign({ ...said, sessionEndMs: said.nowMs - 1000 }),
    'saml_expired',
  ],
  'a time that is none': [
    (said) => sign(said).replace(/NotOnOrAfter="[^"]*"/g, 'NotOnOrAfter="tomorrow"'),
    'saml_expired',
  ],
  'another audience': [
    (said) => sign({ ...said, audience: 'https://other.example.com' }),
    'saml_wrong_audience',
  ],
  'no audience': [
    (said) => sign(said).replace(/<saml:AudienceRestriction>.*<\/saml:AudienceRestriction>/, ''),
    'saml_wrong_audience',
  ],
  'a condition that we do not know': [
    (said) => sign(said).replace('</saml:Conditions>', '<saml:Condition/></saml:Conditions>'),
    'saml_malformed',
  ],
  'another destination': [
    (said) => sign(said).replace(/Destination="[^"]*"/, 'Destination="https://x.example"'),
    'saml_wrong_recipient',
  ],
  'no destination': [
    (said) => sign(said).replace(/ Destination="[^"]*"/, ''),
    'saml_wrong_recipient',
  ],
  'an assertion for another recipient': [
    (said) =>
      signed(responseXml(said, assertionXml({ ...said, acsUrl: 'https://x.example' })), KEY),
    'saml_wrong_recipient',
  ],
  'another issuer': [(said) => sign({ ...said, issuer: 'https://x.example' }), 'saml_wrong_issuer'],
  'an assertion of another issuer': [
    (said) => signed(responseXml(said, assertionXml({ ...said, issuer: 'x' })), KEY),
    'saml_wrong_issuer',
  ],
  'the answer to another request': [
    (said) => sign({ ...said, requestId: '_other' }),
    'saml_wrong_request',
  ],
  'an assertion for another request in our response': [
    (said) => signed(responseXml(said, assertionXml({ ...said, requestId: '_other' })), KEY),
    'saml_wrong_request',
  ],
  'an answer that nobody asked for': [
    (said) => sign(said).replaceAll(/ InResponseTo="[^"]*"/g, ''),
    'saml_wrong_request',
  ],
  'two assertions': [
    (said) =>
      signed(responseXml(said), KEY).replace(
        '</samlp:Response>',
        `${assertionXml({ ...said, assertionId: '_b', nameId: 'boss@example.com' })}$&`,
      ),
    'saml_not_one_assertion',
  ],
  'no assertion': [(said) => responseXml(said, ''), 'saml_not_one_assertion'],
  'a status that is no success': [
    (said) => responseXml({ ...said, status: 'urn:oasis:names:tc:SAML:2.0:status:Responder' }, ''),
    'provider_refused',
  ],
  'an encrypted assertion that is garbage': [
    (said) => responseXml(said, '<saml:EncryptedAssertion><x>AAAA</x></saml:EncryptedAssertion>'),
    'saml_encrypted',
  ],
  'a NameID that changes at each login': [
    (said) =>
      sign({ ...said, nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' }),
    'saml_bad_subject',
  ],
  'a confirmation that is no bearer': [
    (said) => signed(responseXml(said).replace('cm:bearer', 'cm:sender-vouches'), KEY),
    'saml_bad_subject',
  ],
  'a confirmation without end': [
    (said) =>
      signed(responseXml(said).replace(/(InResponseTo="[^"]*") NotOnOrAfter="[^"]*"/, '$1'), KEY),
    'saml_expired',
  ],
  'a second audience restriction that is not for us': [
    (said) =>
      signed(
        responseXml(said).replace(
          '</saml:Conditions>',
          '<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction>$&',
        ),
        KEY,
      ),
    'saml_wrong_audience',
  ],
  'a NameID with an element inside': [
    (said) => sign({ ...said, nameId: 'demo@example.com<saml:x/>' }),
    'saml_bad_subject',
  ],
  'two NameIDs': [
    (said) => sign({ ...said, nameId: 'a@example.com</saml:NameID><saml:NameID>b@example.com' }),
    'saml_bad_subject',
  ],
  'no statement of the login': [
    (said) =>
      signed(responseXml(said).replace(/<saml:AuthnStatement.*<\/saml:AuthnStatement>/, ''), KEY),
    'saml_malformed',
  ],
  'another root': [(said) => `<x>${sign(said)}</x>`, 'saml_malformed'],
  'a response outside its namespace': [
    (said) => sign(said).replace('urn:oasis:names:tc:SAML:2.0:protocol', 'urn:x'),
    'saml_malformed',
  ],
  'a document that is cut short': [(said) => sign(said).slice(0, -30), 'saml_malformed'],
  'elements without end': [() => '<a>'.repeat(9000), 'saml_too_large'],
  'too many elements': [() => `<a>${'<b/>'.repeat(20_000)}</a>`, 'saml_too_large'],
  'too many octets': [() => `<a>${' '.repeat(300_000)}</a>`, 'saml_too_large'],
}
for (const [title, [attack, reason]] of Object.entries(unencoded)) {
  test(`A6: refuses ${title}`, async (t) => {
    const { client, pending, relayState, said, lines } = await started()
    const answer = await client.finish(posted(attack(said), relayState), pending)
    t.deepEqual(answer, { ok: false, error: { reason } })
    t.true(lines.every((line) => !line.includes('<') && !line.includes('example.com')))
  })
}

const people = {
  'no address for a name': [{ nameId: 'demo' }, 'bad_email'],
  'a group without a name': [{ attributes: { groups: ['a', ''] } }, 'bad_groups'],
  'too many groups': [
    { attributes: { groups: Array.from({ length: 1001 }, (_, n) => `g${n}`) } },
    'bad_groups',
  ],
  'a claim that is too long': [{ attributes: { department: ['x'.repeat(1025)] } }, 'bad_claims'],
} as const
for (const [title, [change, reason]] of Object.entries(people)) {
  test(`A6: refuses ${title} in a SAML assertion`, async (t) => {
    const { client, pending, relayState, said } = await started()
    const answer = await client.finish(posted(sign({ ...said, ...change }), relayState), pending)
    t.deepEqual(answer, { ok: false, error: { reason } })
  })
}

const wrappings = [
  ...Object.entries(RESPONSE_WRAPPINGS).map(([name, way]) => [name, way, 'Response'] as const),
  ...Object.entries(ASSERTION_WRAPPINGS).map(([name, way]) => [name, way, 'Assertion'] as const),
]
for (const [name, way, what] of wrappings) {
  test(`A6 ${name}: a moved signature logs nobody in`, async (t) => {
    const { client, pending, relayState, said } = await started()
    const evil = { ...said, assertionId: '_evil', nameId: 'boss@example.com' }
    const attack = wrapped(signed(responseXml(said), KEY, what), way, evil)
    t.true(attack.includes('boss@example.com') && attack.includes('Demo@Example.com'))
    t.deepEqual(await client.finish(posted(attack, relayState), pending), {
      ok: false,
      error: { reason: 'saml_not_one_assertion' },
    })
  })
}

const forms: Readonly<
  Record<string, readonly [(xml: string, relayState: string) => URLSearchParams, SamlReason]>
> = {
  'base64 that is none': [
    (_xml, RelayState) => new URLSearchParams({ SAMLResponse: '%%%', RelayState }),
    'saml_malformed',
  ],
  'octets that are no UTF-8': [
    (_xml, RelayState) => new URLSearchParams({ SAMLResponse: '/////w==', RelayState }),
    'saml_malformed',
  ],
  'no response at all': [
    (_xml, RelayState) => new URLSearchParams({ RelayState }),
    'saml_malformed',
  ],
  'two responses': [
    (xml, RelayState) =>
      new URLSearchParams([
        ['SAMLResponse', base64(xml)],
        ['SAMLResponse', base64(xml)],
        ['RelayState', RelayState],
      ]),
    'saml_malformed',
  ],
  'the relay state of another browser': [
    (xml) => posted(xml, 'x'.repeat(43)),
    'saml_wrong_request',
  ],
  'no relay state': [
    (xml) => new URLSearchParams({ SAMLResponse: base64(xml) }),
    'saml_wrong_request',
  ],
}
for (const [title, [form, reason]] of Object.entries(forms)) {
  test(`A6: refuses a form with ${title}`, async (t) => {
    const { client, pending, relayState, said } = await started()
    const answer = await client.finish(form(sign(said), relayState), pending)
    t.deepEqual(answer, { ok: false, error: { reason } })
  })
}

test('A6: an assertion works once, whichever response carries it', async (t) => {
  const { client, pending, relayState, said } = await started()
  const xml = sign(said)
  t.like(await client.finish(posted(xml, relayState), pending), { ok: true })
  const again = posted(xml.replace(said.responseId, '_again'), relayState)
  t.deepEqual(await client.finish(again, pending), {
    ok: false,
    error: { reason: 'saml_replayed' },
  })
})

test('A6: what another browser left with logs nobody in', async (t) => {
  const victim = await started()
  const mine = await started()
  const answer = await mine.client.finish(posted(sign(victim.said), mine.relayState), mine.pending)
  t.deepEqual(answer, { ok: false, error: { reason: 'saml_wrong_request' } })
  t.deepEqual(await mine.client.finish(new URLSearchParams(), { state: 'x' }), {
    ok: false,
    error: { reason: 'bad_provider_answer' },
  })
})

/** What libraries print: it might quote what was posted. */
function kept(t: ExecutionContext): unknown[] {
  const printed: unknown[] = []
  const { log, warn, error } = console
  const keep = (...values: unknown[]) => printed.push(values)
  Object.assign(console, { log: keep, warn: keep, error: keep })
  t.teardown(() => Object.assign(console, { log, warn, error }))
  return printed
}

test('A6: a mutated response logs in nobody but the person it was signed for', async (t) => {
  const numRuns = process.env['ZT_FULL'] === undefined ? 100 : 5000
  const { client, pending, relayState, said } = await started()
  const xml = sign(said)
  const piece = fc.constantFrom('', '<', '>', '"', '&', '/', 'x', '<!--', '<a/>', '\0', ' ', 'é')
  const mutation = fc.tuple(fc.nat(xml.length), fc.nat(40), piece)
  const printed = kept(t)
  const property = fc.asyncProperty(
    fc.array(mutation, { minLength: 1, maxLength: 3 }),
    async (mutations) => {
      const mutated = mutations.reduce(
        (text, [at, length, put]) => text.slice(0, at) + put + text.slice(at + length),
        xml,
      )
      const answer = await client.finish(posted(mutated, relayState), pending)
      const isSigned = !answer.ok || answer.value.email === 'demo@example.com'
      return isSigned && printed.length === 0
    },
  )
  await t.notThrowsAsync(() => fc.assert(property, { numRuns }))
})
