import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Frame } from '#lib/recording/frame'
import { type RecipientLines, signRecipientList } from '#lib/recording/recipient-list'
import { printRecipient, type Recipient, type RecipientKey } from '#lib/seal/recipient-key'
import { RecipientListFile } from '../../../gateway/recording/recipient-list-store.ts'
import { makeRecipient, readAll } from '../../support/recording-sample.ts'
import { openSampleStore, sampleSubject } from '../../support/recording-store.ts'

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

test('S9 T63: keys rotate: old recordings stay readable by the old key, new ones by the new', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zt-recipients-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'recipients.jws')
  const file = new RecipientListFile(path, signer.publicKey)
  const [old, next, inputs, indexes] = await Promise.all([1, 2, 3, 4].map(() => makeRecipient()))
  if (!old || !next || !inputs || !indexes) throw new Error('four recipients')
  const { store } = await openSampleStore(folder, { recipients: () => file.recipients })
  const record = async (id: string, lines: RecipientLines, signedAtMs: number) => {
    const signed = await signRecipientList(lines, signedAtMs, signer.privateKey)
    if (!signed.ok) throw new Error(signed.error.reason)
    await writeFile(path, signed.value)
    t.true((await file.reload()).ok)
    const opened = await store.open(sampleSubject(id))
    if (!opened.ok) throw new Error(opened.error.reason)
    opened.value.data(0, 'output', Buffer.from('said'))
    opened.value.data(0, 'input', Buffer.from('typed'))
    opened.value.event({ type: 'exec', channel: 0, command: 'asked' })
    await opened.value.close({ reason: 'closed', endedAtMs: 1 })
  }
  const outputs = [printRecipient(old)]
  await record('session-1', { output: outputs }, 1000)
  await record('session-2', { output: [...outputs, printRecipient(next)] }, 2000)
  const [input, index] = [[printRecipient(inputs)], [printRecipient(indexes)]]
  await record('session-3', { output: [printRecipient(next)], input, index }, 3000)
  const seen = async (id: string, ...keys: readonly RecipientKey[]) => {
    const { frames } = await readAll(await readFile(join(folder, `${id}.ztrec`)), keys)
    const text = (one: Frame) =>
      'bytes' in one ? Buffer.from(one.bytes).toString() : one.event.type
    return frames.map(text).sort().join()
  }
  t.is(await seen('session-1', old), 'exec,said,typed')
  t.is(await seen('session-1', next), '')
  t.is(await seen('session-2', old), 'exec,said,typed')
  t.is(await seen('session-2', next), 'exec,said,typed')
  t.is(await seen('session-3', old), '')
  t.is(await seen('session-3', next), 'said')
  t.is(await seen('session-3', inputs), 'typed')
  t.is(await seen('session-3', indexes), 'exec')
  t.is(await seen('session-3', next, inputs, indexes), 'exec,said,typed')
})
