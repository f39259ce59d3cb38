import { readFileSync } from 'node:fs'
import test from 'ava'
import type { JWK } from 'jose'
import type { Frame } from '#lib/recording/frame'
import { RecordingVerifier } from '#lib/recording/verify'
import { ALGORITHM } from '#lib/seal/container-format'
import { parseRecipientKey } from '#lib/seal/recipient-key'
import { makeRecording, readAll, shortSession } from '../../support/recording-sample.ts'

/** `shortSession` as each format wrote it once: what was sealed then must open and verify for ever. */
type Vector = {
  readonly algorithm: string
  readonly recipientKey: JWK
  readonly evidenceKey: JWK
  readonly manifest: string
  readonly file: string
}
const vectors: Vector[] = JSON.parse(readFileSync('test/vectors/recordings.json', 'utf8'))

/** Frames with octets in one spelling. */
const plain = (frames: readonly Frame[]) =>
  frames.map((frame) => ('bytes' in frame ? { ...frame, bytes: Buffer.from(frame.bytes) } : frame))

async function keyOf({ recipientKey }: Vector) {
  const key = await parseRecipientKey(JSON.stringify(recipientKey))
  if (!key.ok) throw new Error(key.error.reason)
  return key.value
}

test('S9: new recordings have the first algorithm of the vectors', (t) => {
  t.is(vectors[0]?.algorithm, ALGORITHM)
})

for (const vector of vectors) {
  const file = Buffer.from(vector.file, 'base64')
  const options = { manifest: vector.manifest, evidenceKeys: [vector.evidenceKey] }

  test(`S9 T63: a recording under ${vector.algorithm} opens and verifies`, async (t) => {
    const key = await keyOf(vector)
    const verifier = new RecordingVerifier({ ...options, keys: [key] })
    const verdict = (await verifier.push(file)) ?? (await verifier.end())
    t.is(verdict.status, 'complete')
    t.deepEqual(verdict.opened, ['output', 'input', 'index'])
    const fresh = await makeRecording({ output: [key] }, shortSession)
    const [then, now] = [await readAll(file, [key]), await readAll(fresh.file, [key])]
    t.deepEqual(plain(then.frames), plain(now.frames))
  })

  test(`S9 T63: a changed octet under ${vector.algorithm} is found without a key`, async (t) => {
    const changed = Buffer.from(file)
    changed.writeUInt8(changed.readUInt8(file.length - 1) ^ 1, file.length - 1)
    const verifier = new RecordingVerifier(options)
    const verdict = (await verifier.push(changed)) ?? (await verifier.end())
    t.is(verdict.status, 'tampered')
  })

  test(`S9: ${vector.algorithm} in the header of another is refused`, async (t) => {
    const renamed = Buffer.from(file)
    const other = vectors.find(({ algorithm }) => algorithm !== vector.algorithm)?.algorithm ?? ''
    renamed.write(other, renamed.indexOf(vector.algorithm))
    t.deepEqual((await readAll(renamed, [await keyOf(vector)])).frames, [])
    const verdict = await new RecordingVerifier(options).push(renamed)
    t.is(verdict?.status, 'tampered')
  })
}
