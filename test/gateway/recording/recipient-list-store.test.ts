import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { signRecipientList } from '#lib/recording/recipient-list'
import { printRecipient, type Recipient } from '#lib/seal/recipient-key'
import { RecipientListFile } from '../../../gateway/recording/recipient-list-store.ts'
import { makeRecipient } from '../../support/recording-sample.ts'

const signer = generateKeyPairSync('ed25519')
const [alice, mallory] = [await makeRecipient(), await makeRecipient()]

async function list(recipient: Recipient, signedAtMs: number, key: KeyObject): Promise<string> {
  const signed = await signRecipientList({ output: [printRecipient(recipient)] }, signedAtMs, key)
  if (!signed.ok) throw new Error(signed.error.reason)
  return signed.value
}

test('S13: where only P-256 is allowed, a list with one other recipient is not taken', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zt-recipients-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'recipients.jws')
  const file = new RecipientListFile(path, signer.publicKey, ['p256'])
  await writeFile(path, await list(alice, 1000, signer.privateKey))
  t.deepEqual(await file.reload(), { ok: false, error: { reason: 'recipient_not_allowed' } })
  t.is(file.recipients, undefined)
  const p256 = await makeRecipient('p256')
  await writeFile(path, await list(p256, 2000, signer.privateKey))
  t.true((await file.reload()).ok)
})

test('S9: only a newer list of the offline key replaces the one in force', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zt-recipients-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'recipients.jws')
  const file = new RecipientListFile(path, signer.publicKey)
  const refusals: string[] = []
  const reload = async (text?: string) => {
    if (text !== undefined) await writeFile(path, text)
    const loaded = await file.reload()
    if (!loaded.ok) refusals.push(loaded.error.reason)
    return file.recipients?.output.map(({ fingerprint }) => fingerprint)
  }
  t.is(await reload(), undefined)
  t.is(await reload('not a list'), undefined)
  t.deepEqual(await reload(await list(alice, 2000, signer.privateKey)), [alice.fingerprint])
  const forger = generateKeyPairSync('ed25519')
  t.deepEqual(await reload(await list(mallory, 3000, forger.privateKey)), [alice.fingerprint])
  t.deepEqual(await reload(await list(mallory, 1000, signer.privateKey)), [alice.fingerprint])
  t.deepEqual(await reload(await list(mallory, 4000, signer.privateKey)), [mallory.fingerprint])
  t.deepEqual(refusals, ['list_missing', 'bad_signature', 'bad_signature', 'older_list'])
})
