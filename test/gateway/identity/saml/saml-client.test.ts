import test from 'ava'
import { idpKey, posted, requestOf, responseXml, signed } from '../../../support/saml-idp.ts'
import { KEY, OPTIONS, started } from '../../../support/saml-rig.ts'

test('A6: a signed assertion ends in the user with groups, claims and how the login was done', async (t) => {
  const { client, pending, relayState, said, lines } = await started()
  const sessionEndMs = said.nowMs + 3_600_000
  const xml = signed(responseXml({ ...said, sessionEndMs }), KEY)
  t.deepEqual(await client.finish(posted(xml, relayState), pending), {
    ok: true,
    value: {
      provider: 'corp',
      providerSubject: 'Demo@Example.com',
      email: 'demo@example.com',
      name: 'demo@example.com',
      groups: ['engineers', 'staff'],
      claims: { department: ['R & D'] },
      login: {
        atMs: said.authnInstantMs,
        acr: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
        notAfterMs: sessionEndMs,
      },
    },
  })
  t.deepEqual(lines, [])
})

test('A6: a response that is signed as a whole too is accepted', async (t) => {
  const { client, pending, relayState, said } = await started()
  const xml = signed(signed(responseXml(said), KEY), KEY, 'Response')
  t.like(await client.finish(posted(xml, relayState), pending), { ok: true })
})

test('A6: while a provider changes keys, either certificate will do', async (t) => {
  const next = await idpKey()
  const options = { ...OPTIONS, idpCertificates: [KEY.certPem, next.certPem] }
  const { client, pending, relayState, said } = await started(options)
  const xml = signed(responseXml(said), next)
  t.like(await client.finish(posted(xml, relayState), pending), { ok: true })
})

const addresses = {
  'one value is the address': [
    ['ann@example.com'],
    { ok: true, value: { email: 'ann@example.com' } },
  ],
  'two values are none': [
    ['ann@example.com', 'b@c.de'],
    { ok: false, error: { reason: 'bad_email' } },
  ],
  'no value is none': [[], { ok: false, error: { reason: 'no_email' } }],
} as const
for (const [title, [mail, wanted]] of Object.entries(addresses)) {
  test(`A6: with an attribute for the address, ${title}`, async (t) => {
    const attributes = { ...OPTIONS.attributes, emailAttribute: 'mail' }
    const { client, pending, relayState, said } = await started({ ...OPTIONS, attributes })
    const stated = mail.length === 0 ? {} : { mail }
    const xml = signed(responseXml({ ...said, nameId: 'u-17', attributes: stated }), KEY)
    t.like(await client.finish(posted(xml, relayState), pending), wanted)
  })
}

test('A6: the request names us, the place to answer to, and nothing that was not wished', async (t) => {
  const { url, pending, relayState } = await started()
  const request = requestOf(url)
  t.true(url.startsWith(OPTIONS.entryPoint))
  t.is(new URL(url).searchParams.get('RelayState') ?? '', relayState)
  t.true(request.includes(`ID="${pending['request']}"`))
  t.true(request.includes(`AssertionConsumerServiceURL="${OPTIONS.acsUrl}"`))
  t.true(request.includes(`${OPTIONS.entityId}</saml:Issuer>`))
  t.false(request.includes('ForceAuthn'))
  t.false(request.includes('RequestedAuthnContext'))
})

test('A6: a wish for a fresh login and a context class goes into the request', async (t) => {
  const { url } = await started(OPTIONS, { maxAgeSeconds: 0, acrValues: ['urn:example:mfa'] })
  const request = requestOf(url)
  t.true(request.includes('ForceAuthn="true"'))
  t.regex(request, /<saml:AuthnContextClassRef[^>]*>urn:example:mfa</)
})

test('A6: for another account the provider is made to ask anew', async (t) => {
  const { url } = await started(OPTIONS, { anew: true })
  t.true(requestOf(url).includes('ForceAuthn="true"'))
})

test('A6: a login from before the request does not do where a fresh one was wished', async (t) => {
  const { client, pending, relayState, said } = await started(OPTIONS, { maxAgeSeconds: 0 })
  const authnInstantMs = said.nowMs - 120_000
  const xml = signed(responseXml({ ...said, authnInstantMs }), KEY)
  t.deepEqual(await client.finish(posted(xml, relayState), pending), {
    ok: false,
    error: { reason: 'saml_old_login' },
  })
})
