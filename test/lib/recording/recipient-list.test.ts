import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import {
  openRecipientList,
  type RecipientLines,
  signRecipientList,
} from '#lib/recording/recipient-list'
import { printRecipient } from '#lib/seal/recipient-key'
import { makeRecipient } from '../../support/recording-sample.ts'

const signer = generateKeyPairSync('ed25519')
const [alice, bob] = [await makeRecipient(), await makeRecipient('p256')]
const lines = { output: [printRecipient(alice), printRecipient(bob)], input: [printRecipient(bob)] }
const list = await signRecipientList(lines, 1000, signer.privateKey)
const text = list.ok ? list.value : ''

test('S9: a signed list of recipients comes back', async (t) => {
  const opened = await openRecipientList(`${text}\n`, signer.publicKey)
  if (!opened.ok) throw new Error(opened.error.reason)
  t.is(opened.value.signedAtMs, 1000)
  const { output, input, index } = opened.value.recipients
  t.deepEqual(
    output.map((one) => one.fingerprint),
    [alice.fingerprint, bob.fingerprint],
  )
  t.deepEqual(
    input?.map((one) => one.fingerprint),
    [bob.fingerprint],
  )
  t.is(index, undefined)
})

test('S9: a list changed without the offline key is refused, octet by octet', async (t) => {
  for (let place = 0; place < text.length; place++) {
    const changed = Buffer.from(text)
    changed.writeUInt8(changed.readUInt8(place) ^ 1, place)
    const opened = await openRecipientList(changed.toString('latin1'), signer.publicKey)
    t.deepEqual(opened, { ok: false, error: { reason: 'bad_signature' } }, `octet ${place}`)
  }
})

test('S9: a list signed by another key, or older than the one in force, is refused', async (t) => {
  const other = generateKeyPairSync('ed25519')
  const foreign = await openRecipientList(text, other.publicKey)
  t.deepEqual(foreign, { ok: false, error: { reason: 'bad_signature' } })
  const older = await openRecipientList(text, signer.publicKey, 1001)
  t.deepEqual(older, { ok: false, error: { reason: 'older_list' } })
})

const unsignable: Record<string, { lines: RecipientLines; reason: string }> = {
  'no recipient': { lines: { output: [] }, reason: 'bad_list' },
  'a line that is no recipient': {
    lines: { output: ['zt-recipient:x25519:AAAA'] },
    reason: 'bad_recipient',
  },
  'the same recipient twice': {
    lines: { output: [printRecipient(alice), printRecipient(alice)] },
    reason: 'bad_recipient',
  },
  'an empty list for the input': { lines: { ...lines, input: [] }, reason: 'bad_list' },
}
for (const [title, { lines: wanted, reason }] of Object.entries(unsignable)) {
  test(`S9: does not sign a list with ${title}`, async (t) => {
    const signed = await signRecipientList(wanted, 1, signer.privateKey)
    t.false(signed.ok)
    t.deepEqual(signed, { ok: false, error: { reason } } as typeof signed)
  })
}
