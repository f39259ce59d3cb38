import test from 'ava'
import fc from 'fast-check'
import { toBase64url } from '#lib/seal/bytes'
import {
  generateRecipientKey,
  parseRecipient,
  parseRecipientKey,
  printRecipient,
} from '#lib/seal/recipient-key'

for (const kem of ['x25519', 'p256'] as const) {
  test(`S9: a ${kem} recipient comes back from its line and from its private file`, async (t) => {
    const { recipient, privateText } = await generateRecipientKey(kem)
    t.deepEqual(await parseRecipient(`${printRecipient(recipient)}\n`), {
      ok: true,
      value: recipient,
    })
    const key = await parseRecipientKey(privateText)
    t.true(key.ok && key.value.fingerprint === recipient.fingerprint)
    t.true(key.ok && !key.value.privateKey.extractable)
    t.deepEqual(key.ok && key.value.publicKey, recipient.publicKey)
  })
}

const refusedLines = {
  'an empty line': '',
  'another prefix': `age:x25519:${toBase64url(new Uint8Array(32).fill(9))}`,
  'an unknown algorithm': `zt-recipient:x448:${toBase64url(new Uint8Array(56).fill(9))}`,
  'a key that is too short': `zt-recipient:x25519:${toBase64url(new Uint8Array(31).fill(9))}`,
  'the point of small order': `zt-recipient:x25519:${toBase64url(new Uint8Array(32))}`,
  'a point off the curve': `zt-recipient:p256:${toBase64url(new Uint8Array(65).fill(4))}`,
  'a second spelling of the same octets': `zt-recipient:x25519:${'A'.repeat(42)}B`,
  padding: `zt-recipient:x25519:${toBase64url(new Uint8Array(32).fill(9))}=`,
  'a fourth part': `zt-recipient:x25519:${toBase64url(new Uint8Array(32).fill(9))}:x`,
}
for (const [title, line] of Object.entries(refusedLines)) {
  test(`S9: as recipient, refuses ${title}`, async (t) => {
    t.deepEqual(await parseRecipient(line), { ok: false, error: { reason: 'bad_recipient' } })
  })
}

test('S9: as private key, refuses what is none', async (t) => {
  const { privateText } = await generateRecipientKey('x25519')
  const refused = ['', '{}', 'null', privateText.replace('x25519', 'p256'), `${privateText}x`]
  for (const text of refused) {
    const parsed = await parseRecipientKey(text)
    t.deepEqual(parsed, { ok: false, error: { reason: 'bad_recipient_key' } })
  }
})

test('S9: parsers of keys never throw', async (t) => {
  const never = fc.asyncProperty(fc.string(), async (text) => {
    await parseRecipientKey(text)
    return !(await parseRecipient(text)).ok
  })
  await t.notThrowsAsync(fc.assert(never, { numRuns: 100 }))
})
