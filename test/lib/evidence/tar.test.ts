import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { TAR_END, TarReader, tarHead, tarMember } from '#lib/evidence/tar'
import { runProgram } from '../../support/run-program.ts'

const runs = { numRuns: process.env['ZT_FULL'] ? 2000 : 100 }
const file = Buffer.concat([
  tarMember('readme.txt', Buffer.from('hello')),
  tarMember('empty', Buffer.alloc(0)),
  tarMember('blocks.bin', Buffer.alloc(1024, 7)),
  TAR_END,
])

/** Members of a file that comes in these pieces; undefined when it is none. */
function read(pieces: readonly Uint8Array[]): Record<string, string> | undefined {
  const reader = new TarReader()
  const members: Record<string, string> = {}
  for (const piece of pieces) {
    const parts = reader.push(piece)
    if (parts === undefined) return undefined
    for (const { name, bytes } of parts) {
      members[name] = (members[name] ?? '') + Buffer.from(bytes).toString('latin1')
    }
  }
  return reader.ended ? members : undefined
}

const whole = { 'readme.txt': 'hello', empty: '', 'blocks.bin': '\u0007'.repeat(1024) }

test('S10: a bundle reads back, however it was split', (t) => {
  t.deepEqual(read([file]), whole)
  fc.assert(
    fc.property(fc.array(fc.nat(file.length), { maxLength: 20 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), file.length]
      const pieces = places.slice(1).map((end, at) => file.subarray(places[at], end))
      t.deepEqual(read(pieces), whole)
    }),
    runs,
  )
})

test('S10: the tar of the system reads it, and says the same', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zt-tar-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'file.tar'), file)
  const done = await runProgram(['tar', '-xf', join(folder, 'file.tar'), '-C', folder])
  t.is(done.code, 0, done.stderr)
  t.is(readFileSync(join(folder, 'readme.txt'), 'utf8'), 'hello')
  t.is(readFileSync(join(folder, 'blocks.bin')).length, 1024)
  t.is(statSync(join(folder, 'readme.txt')).mode & 0o777, 0o600)
})

test('S10: every other spelling is refused, and noise never throws', (t) => {
  for (let place = 0; place < 512; place++) {
    const changed = Buffer.from(file)
    changed.writeUInt8(changed.readUInt8(place) ^ 1, place)
    t.is(read([changed]), undefined, `octet ${place}`)
  }
  t.is(read([file.subarray(0, -1)]), undefined)
  t.is(read([file, Buffer.alloc(512)]), undefined)
  t.is(read([file, Buffer.of(1)]), undefined)
  for (const name of ['../up', '/etc/passwd', 'UPPER', '', 'a b']) {
    t.throws(() => tarHead(name, 1), { instanceOf: RangeError })
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2048 }), (noise) => {
      new TarReader().push(noise)
    }),
    runs,
  )
})
