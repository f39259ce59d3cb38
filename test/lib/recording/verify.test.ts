import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import { CompactSign } from 'jose'
import type { Verdict, VerifyOptions } from '#lib/recording/verdict'
import { RecordingVerifier } from '#lib/recording/verify'
import { chunkNonce } from '#lib/seal/container-format'
import {
  cut,
  makeEvidenceKey,
  makeRecipient,
  makeRecording,
  readAll,
  shortSession,
  sign,
} from '../../support/recording-sample.ts'

const alice = await makeRecipient()
const bob = await makeRecipient('p256')
const { file, manifest } = await makeRecording({ output: [alice] }, shortSession)
const signed = await sign(manifest)

async function verify(bytes: Uint8Array, options: VerifyOptions): Promise<Verdict> {
  const verifier = new RecordingVerifier(options)
  return (await verifier.push(bytes)) ?? (await verifier.end())
}

const finding = ({ status, ...rest }: Verdict) => [
  status,
  'reason' in rest ? rest.reason : undefined,
  'chunk' in rest ? rest.chunk : undefined,
]

test('S9 T63: an untouched recording is complete, with and without a key', async (t) => {
  const keyless = await verify(file, signed)
  t.deepEqual(finding(keyless), ['complete', undefined, undefined])
  t.deepEqual(keyless.opened, [])
  t.is(keyless.bytes, file.length)
  t.true(keyless.signed?.pinned)
  const opened = await verify(file, {
    ...signed,
    keys: [alice],
    expectRecipients: [alice.fingerprint],
  })
  t.is(opened.status, 'complete')
  t.deepEqual(opened.opened, ['output', 'input', 'index'])
  t.is(opened.tail, 'not_provable')
})

test('S9: a signer nobody vouches for is named, not trusted', async (t) => {
  const verdict = await verify(file, { manifest: signed.manifest })
  t.is(verdict.status, 'complete')
  t.is(verdict.signed?.pinned, false)
  const other = await makeEvidenceKey()
  const options = { manifest: signed.manifest, evidenceKeys: [other.publicJwk] }
  t.deepEqual(finding(await verify(file, options)), ['tampered', 'unknown_signer', undefined])
})

test('S9 T63: every flipped octet of the file is found without a key, in the right chunk', async (t) => {
  const { head, chunks } = cut(file)
  const starts = chunks.map((_, index) => {
    return chunks.slice(0, index).reduce((sum, chunk) => sum + chunk.length, head.length)
  })
  for (let place = 0; place < file.length; place++) {
    const changed = Buffer.from(file)
    changed.writeUInt8(changed.readUInt8(place) ^ (1 << (place % 8)), place)
    const verdict = await verify(changed, signed)
    const chunk = starts.findLastIndex((start) => start <= place)
    t.is(verdict.status, 'tampered', `octet ${place}`)
    // A changed length moves every later boundary: the finding may then be a file that is too short.
    const lengthField =
      chunk >= 0 && place - (starts[chunk] ?? 0) >= 4 && place - (starts[chunk] ?? 0) < 8
    if (!lengthField)
      t.is('chunk' in verdict ? verdict.chunk : undefined, chunk < 0 ? undefined : chunk)
  }
})

test('S9 T63: every flipped octet of a chunk is refused by the key alone, without any manifest', async (t) => {
  const { head } = cut(file)
  for (let place = head.length; place < file.length; place++) {
    const changed = Buffer.from(file)
    changed.writeUInt8(changed.readUInt8(place) ^ (1 << (place % 8)), place)
    const read = await readAll(changed, [alice])
    t.true(read.error !== undefined || !read.tail.ended, `octet ${place}`)
  }
})

test('S9 T63: every flipped octet of the head is refused by the key alone', async (t) => {
  const { head } = cut(file)
  for (let place = 0; place < head.length; place++) {
    const changed = Buffer.from(file)
    changed.writeUInt8(changed.readUInt8(place) ^ (1 << (place % 8)), place)
    t.deepEqual((await readAll(changed, [alice])).frames, [], `octet ${place}`)
  }
})

test('S9 T63: every flipped octet of the manifest is refused', async (t) => {
  const text = Buffer.from(signed.manifest)
  for (let place = 0; place < text.length; place++) {
    for (const bit of [1 << (place % 8), 1]) {
      const changed = Buffer.from(text)
      changed.writeUInt8(changed.readUInt8(place) ^ bit, place)
      const options = { manifest: changed.toString('latin1'), evidenceKeys: signed.evidenceKeys }
      t.is((await verify(file, options)).status, 'tampered', `octet ${place}`)
    }
  }
})

const { head, chunks } = cut(file)
const [first = head, second = head, ...others] = chunks
const spliced = await makeRecording({ output: [alice] }, shortSession)
const changedFiles: Record<string, [Uint8Array[], string, number?]> = {
  'a dropped chunk': [[head, first, ...others], 'chunk_out_of_order', 1],
  'two chunks swapped': [[head, second, first, ...others], 'chunk_out_of_order', 0],
  'a repeated chunk': [[head, first, first, second, ...others], 'chunk_out_of_order', 1],
  'a cut after a whole chunk': [[head, first, second], 'truncated', 2],
  'a cut inside a chunk': [[head, first, second.subarray(0, 30)], 'truncated', 1],
  'a cut inside the head': [[head.subarray(0, 40)], 'truncated'],
  'an appended octet': [[file, Buffer.of(0)], 'data_after_end', chunks.length],
  'an appended chunk': [[file, chunks.at(-1) ?? head], 'data_after_end', chunks.length],
  'chunks of another recording to the same recipients': [
    [head, first, ...cut(spliced.file).chunks.slice(1)],
    'chain_broken',
    1,
  ],
  'another recording to the same recipients': [[spliced.file], 'head_changed'],
  nothing: [[], 'truncated'],
  'another kind of file': [
    [Buffer.from('PK\u0003\u0004 not a recording at all')],
    'not_a_recording',
  ],
}
for (const [title, [parts, reason, chunk]] of Object.entries(changedFiles)) {
  test(`S9 T63: finds ${title}`, async (t) => {
    const verdict = await verify(Buffer.concat(parts), signed)
    t.deepEqual(finding(verdict), ['tampered', reason, chunk])
  })
}

test('S9 T63: a key finds chunks of another recording even where the manifest is missing', async (t) => {
  const mixed = Buffer.concat([head, first, ...cut(spliced.file).chunks.slice(1)])
  const verdict = await verify(mixed, { keys: [alice] })
  t.deepEqual(finding(verdict), ['tampered', 'chunk_does_not_open', 1])
})

test('S9 T63: a chunk that was renumbered to fill a gap does not open', async (t) => {
  const renumbered = others.map((chunk, index) => {
    const copy = Buffer.from(chunk)
    copy.writeBigUInt64BE(BigInt(index + 1), 8)
    return copy
  })
  const verdict = await verify(Buffer.concat([head, first, ...renumbered]), { keys: [alice] })
  t.deepEqual(finding(verdict), ['tampered', 'chunk_does_not_open', 1])
})

test('S9 T63: the key of somebody else gives no verdict, and says why', async (t) => {
  const verdict = await verify(file, { ...signed, keys: [bob] })
  t.deepEqual(finding(verdict), ['unverified', 'not_a_recipient', undefined])
})

test('S9: a recipient nobody expects is found', async (t) => {
  const wide = await makeRecording({ output: [alice, bob] }, shortSession)
  const options = { ...(await sign(wide.manifest)), expectRecipients: [alice.fingerprint] }
  t.deepEqual(finding(await verify(wide.file, options)), [
    'tampered',
    'unexpected_recipient',
    undefined,
  ])
})

test('S11 T61: without a manifest the best verdict is incomplete', async (t) => {
  t.deepEqual(finding(await verify(file, {})), ['incomplete', 'no_manifest', undefined])
  const crashed = Buffer.concat([head, first, second.subarray(0, 30)])
  t.deepEqual(finding(await verify(crashed, { keys: [alice] })), [
    'incomplete',
    'no_end',
    undefined,
  ])
})

test('S9: counts that the gateway signed wrongly are found with a key', async (t) => {
  const [channel] = manifest.channels ?? []
  if (!channel) throw new Error('no channel')
  const wrong = await sign({ ...manifest, channels: [{ ...channel, output: channel.output + 1 }] })
  t.deepEqual(finding(await verify(file, { ...wrong, keys: [alice] })), [
    'tampered',
    'counts_differ',
    undefined,
  ])
  t.is((await verify(file, wrong)).status, 'complete')
})

test('S9: a manifest signed with another algorithm or kind of key is refused', async (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const foreign = await new CompactSign(Buffer.from(JSON.stringify(manifest)))
    .setProtectedHeader({ alg: 'RS256', typ: 'zt-recording-manifest+jws', jwk: {} })
    .sign(rsa.privateKey)
  for (const text of [
    foreign,
    '',
    'a.b.c',
    'not a manifest',
    `${signed.manifest}.`,
    ` ${signed.manifest}`,
  ]) {
    t.is((await verify(file, { manifest: text })).status, 'tampered', text.slice(0, 20))
  }
})

test('S9: a change in a long recording is found between two checkpoints', async (t) => {
  const long = await makeRecording({ output: [alice] }, (writer) => {
    for (let turn = 0; turn < 1000; turn++) {
      writer.data(turn, 0, 'output', Buffer.alloc(10, turn))
      writer.flush()
    }
  })
  t.is(long.manifest.file.checkpoints.every, 4)
  const changed = Buffer.from(long.file)
  const place = changed.length - 100 * 58
  changed.writeUInt8(changed.readUInt8(place) ^ 1, place)
  const options = await sign(long.manifest)
  const keyless = await verify(changed, options)
  const opened = await verify(changed, { ...options, keys: [alice] })
  t.is(finding(keyless)[1], 'chain_broken')
  t.is(finding(opened)[1], 'chunk_does_not_open')
  const [from, at] = [Number(finding(keyless)[2]), Number(finding(opened)[2])]
  t.true(from <= at && at < from + 4)
})

test('S9: nonces differ for every chunk and for the last one', (t) => {
  const nonces = [0, 1, 2 ** 40].flatMap((counter) => [
    chunkNonce({ counter, last: false }),
    chunkNonce({ counter, last: true }),
  ])
  t.is(new Set(nonces.map((nonce) => Buffer.from(nonce).toString('hex'))).size, 6)
})
