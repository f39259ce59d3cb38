/** Logins at an independent identity provider; one after the other, since each costs a second of computing. */
import test from 'ava'
import { askPysaml2 } from '../../../support/pysaml2.ts'
import { idpKey, posted } from '../../../support/saml-idp.ts'
import { KEY, OPTIONS, started } from '../../../support/saml-rig.ts'

const PERSON = {
  nameId: 'demo@example.com',
  attributes: { displayName: ['Demo'], eduPersonAffiliation: ['engineers', 'staff'] },
}
const GROUPS = 'urn:oid:1.3.6.1.4.1.5923.1.1.1.1'
const WITH_GROUPS = { ...OPTIONS, attributes: { ...OPTIONS.attributes, groupsAttribute: GROUPS } }

for (const [title, asked] of Object.entries({
  'a signed assertion': {},
  'assertion and response signed': { signResponse: true },
  'SHA-512': { hash: 'sha512' },
} as const)) {
  test.serial(
    `A6: pysaml2 reads our metadata and request, and we its answer: ${title}`,
    async (t) => {
      const { client, pending, url, lines } = await started(WITH_GROUPS)
      const metadata = client.metadata?.() ?? ''
      const answer = await askPysaml2({ key: KEY, metadata, url, ...PERSON, ...asked })
      t.is(answer.acs, OPTIONS.acsUrl)
      t.false(answer.forced)
      const login = await client.finish(posted(answer.response, answer.relayState), pending)
      t.like(
        login,
        { ok: true, value: { email: 'demo@example.com', groups: ['engineers', 'staff'] } },
        lines.join(),
      )
      t.deepEqual(await client.finish(posted(answer.response, answer.relayState), pending), {
        ok: false,
        error: { reason: 'saml_replayed' },
      })
    },
  )
}

test.serial(
  'A6: a signed request is accepted where signed ones are wanted, and a fresh login is asked for',
  async (t) => {
    const key = await idpKey()
    const signing = { privateKey: key.keyPem, certificate: key.certPem }
    const { client, pending, url } = await started({ ...OPTIONS, signing }, { maxAgeSeconds: 0 })
    const metadata = client.metadata?.() ?? ''
    t.true(metadata.includes('AuthnRequestsSigned="true"'))
    const answer = await askPysaml2({ key: KEY, metadata, url, ...PERSON, wantSigned: true })
    t.true(answer.forced)
    t.like(await client.finish(posted(answer.response, answer.relayState), pending), { ok: true })
    const unsigned = await started()
    const asked = { key: KEY, metadata, url: unsigned.url, ...PERSON, wantSigned: true }
    await t.throwsAsync(() => askPysaml2(asked), { message: /sign/i })
  },
)

test.serial('A6: what pysaml2 signs with SHA-1 is refused', async (t) => {
  const { client, pending, url } = await started()
  const metadata = client.metadata?.() ?? ''
  const answer = await askPysaml2({ key: KEY, metadata, url, ...PERSON, hash: 'sha1' })
  t.deepEqual(await client.finish(posted(answer.response, answer.relayState), pending), {
    ok: false,
    error: { reason: 'saml_weak_algorithm' },
  })
})
