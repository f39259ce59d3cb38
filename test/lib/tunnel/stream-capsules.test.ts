import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { capsuleStreamOn } from '#lib/tunnel/capsule-stream-os'
import { createStreamCapsuleReader, dataHead, streamEnd } from '#lib/tunnel/stream-capsules'

/** What a reader makes of octets that come in these chunks. */
function read(chunks: readonly Uint8Array[]) {
  const came: Uint8Array[] = []
  let ends = 0
  const reader = createStreamCapsuleReader(
    (octets) => came.push(Uint8Array.from(octets)),
    () => ends++,
  )
  const results = chunks.map((chunk) => reader.push(chunk))
  const failed = results.find(({ ok }) => !ok)
  return { octets: Buffer.concat(came), ends, failed: failed?.ok === false && failed.error.reason }
}

function split(octets: Buffer, at: readonly number[]): Buffer[] {
  const marks = [0, ...at.map((one) => one % (octets.length + 1)).sort((a, b) => a - b)]
  return marks.map((from, index) => octets.subarray(from, marks[index + 1]))
}

const splits = fc.array(fc.nat(), { maxLength: 8 })

test('a stream of capsules is read the same however it is split', (t) => {
  const parts = fc.array(fc.uint8Array({ maxLength: 90 }), { maxLength: 6 })
  fc.assert(
    fc.property(parts, splits, (datas, at) => {
      const written = datas.flatMap((data) => [dataHead(data.length), data])
      const octets = Buffer.concat([...written, streamEnd()])
      t.deepEqual(read(split(octets, at)), { octets: Buffer.concat(datas), ends: 1, failed: false })
    }),
  )
})

test('any octets at all are read the same however they are split, and nothing throws', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), splits, (octets, at) => {
      const whole = Buffer.from(octets)
      t.deepEqual(read(split(whole, at)), read([whole]))
    }),
  )
})

for (const [what, hex, expected] of [
  ['other capsules are skipped', '0003616263', { failed: false, ends: 0 }],
  [
    'a capsule of 2^30 octets is too long',
    'a028d7f0c000000040000000',
    { failed: 'capsule_too_long' },
  ],
  ['nothing follows the end', 'a028d7f100a028d7f000', { failed: 'capsule_after_end', ends: 1 }],
] as const) {
  test(what, (t) => t.like(read([Buffer.from(hex, 'hex')]), expected))
}

/** Two ends of a Unix socket. */
async function pair(t: ExecutionContext): Promise<[net.Socket, net.Socket]> {
  const folder = await mkdtemp(join(tmpdir(), 'zt-pair-'))
  const server = net.createServer({ allowHalfOpen: true }).listen(join(folder, 's'))
  await once(server, 'listening')
  const here = net.connect({ path: join(folder, 's') })
  const [there] = (await once(server, 'connection')) as [net.Socket]
  t.teardown(async () => {
    for (const socket of [here, there]) socket.destroy()
    server.close()
    await rm(folder, { recursive: true })
  })
  return [here, there]
}

/** Reads to the end, and leaves the other direction alone. */
async function all(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(stream, 'end')
  return Buffer.concat(chunks)
}

const closed = (stream: Duplex) => new Promise((resolve) => stream.once('close', resolve))

test('octets both ways, with a half-close in between, end in order', async (t) => {
  const [here, there] = (await pair(t)).map(capsuleStreamOn) as [Duplex, Duplex]
  const sent = Buffer.alloc(5_000_000, 'sent')
  const bothClosed = Promise.all([closed(here), closed(there)])
  here.end(sent)
  t.true((await all(there)).equals(sent))
  there.end('answer')
  t.is(String(await all(here)), 'answer')
  await bothClosed
  t.is(here.errored ?? there.errored, null)
})

test('what closes without its end was cut off, on either side of a half-close', async (t) => {
  const [here, there] = (await pair(t)).map(capsuleStreamOn) as [Duplex, Duplex]
  here.write('half')
  await once(there, 'readable')
  here.end()
  there.read()
  there.destroy()
  const [failure] = (await once(here, 'error')) as [NodeJS.ErrnoException]
  t.is(failure.code, 'ECONNRESET')
})

test('octets that are no capsules are cut off', async (t) => {
  const [here, there] = await pair(t)
  const stream = capsuleStreamOn(there)
  here.write(Buffer.from('a028d7f0ffffffffffffffff', 'hex'))
  const [failure] = (await once(stream, 'error')) as [NodeJS.ErrnoException]
  t.is(failure.code, 'ECONNRESET')
})
