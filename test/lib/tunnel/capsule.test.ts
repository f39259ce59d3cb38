import test from 'ava'
import fc from 'fast-check'
import { createCapsuleReader, encodeDatagram, PAYLOAD_LIMIT } from '../../../lib/tunnel/capsule.ts'
import { parseDatagramPath, printDatagramPath } from '../../../lib/tunnel/datagram-path.ts'
import { readVarint, varintLength, writeVarint } from '../../../lib/tunnel/varint.ts'

const numRuns = process.env['ZT_FULL'] === undefined ? 200 : 5000

/** What comes out of these chunks, and how it ends. */
function readAll(chunks: readonly Uint8Array[]) {
  const payloads: string[] = []
  const reader = createCapsuleReader((payload) =>
    payloads.push(Buffer.from(payload).toString('hex')),
  )
  const results = chunks.map((chunk) => reader.push(chunk))
  const last = results.at(-1)
  return {
    payloads,
    error: last?.ok === false ? last.error.reason : undefined,
    whole: reader.isWhole,
  }
}

function split(octets: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => cut % (octets.length + 1)))].sort((a, b) => a - b)
  const ends = [...places, octets.length]
  return ends.map((end, index) => octets.subarray(index === 0 ? 0 : ends[index - 1], end))
}

const cuts = fc.array(fc.nat(), { maxLength: 8 })

test('a variable-length integer reads as it was written, in the shortest form (RFC 9000 section 16)', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 30 - 1 }), (value) => {
      const octets = Buffer.alloc(varintLength(value))
      t.is(writeVarint(octets, value, 0), octets.length)
      t.deepEqual(readVarint(octets, 0), { value, next: octets.length })
      t.is(readVarint(octets.subarray(0, -1), 0), undefined)
    }),
    { numRuns },
  )
})

for (const [hex, value] of [
  ['9d7f3e7d', 494_878_333],
  ['7bbd', 15_293],
  ['25', 37],
  ['4025', 37],
] as const) {
  test(`the integer ${hex} of RFC 9000 appendix A.1`, (t) => {
    t.is(readVarint(Buffer.from(hex, 'hex'), 0)?.value, value)
  })
}

test('datagrams come out as they went in, however the stream is split', (t) => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 })
  fc.assert(
    fc.property(payloads, cuts, (sent, at) => {
      const stream = Buffer.concat(sent.map(encodeDatagram))
      const read = readAll(split(stream, at))
      t.deepEqual(read, {
        payloads: sent.map((payload) => Buffer.from(payload).toString('hex')),
        error: undefined,
        whole: true,
      })
    }),
    { numRuns },
  )
})

test('any octets are read without a throw, with one result for every split', (t) => {
  const capsule = fc.uint8Array({ maxLength: 60 })
  const small = fc.array(fc.constantFrom(0, 0, 1, 2, 3, 0x40, 0x80, 0xc0, 0xff), { maxLength: 40 })
  const octets = fc.oneof(
    capsule,
    small.map((list) => Uint8Array.from(list)),
  )
  fc.assert(
    fc.property(octets, cuts, (stream, at) => {
      t.deepEqual(readAll(split(stream, at)), readAll([stream]))
    }),
    { numRuns },
  )
})

for (const length of [0, 1, 62, 63, 64, 16_382, 16_383, 65_507, PAYLOAD_LIMIT]) {
  test(`a payload of ${length} octets goes through`, (t) => {
    const read = readAll([encodeDatagram(Buffer.alloc(length, 7))])
    t.is(read.payloads[0]?.length, 2 * length)
    t.true(read.whole)
  })
}

for (const [title, hex, wanted] of [
  ['an unknown capsule is skipped', '0103aabbcc 0002 0041', { payloads: ['41'], whole: true }],
  ['one with a long type as well', 'c000000000000017 01ff 0002 0041', { payloads: ['41'] }],
  ['another context is skipped', '0002 0241 0002 0041', { payloads: ['41'] }],
  ['a long form of the same numbers', '4000 4002 0041', { payloads: ['41'] }],
  ['a datagram without a context', '0000', { error: 'capsule_malformed' }],
  ['a context that is cut off', '000140', { error: 'capsule_malformed' }],
  ['a datagram longer than any', '0080010010', { error: 'capsule_too_long' }],
  ['a length of 2^62 - 1 takes no memory', '00ffffffffffffffff', { error: 'capsule_too_long' }],
  [
    'nor does an unknown capsule of that length',
    '01ffffffffffffffff',
    { error: 'capsule_too_long' },
  ],
  ['an unknown one of 2^53 - 1 is skipped for ever', '01c01fffffffffffff00', { whole: false }],
  ['an end within a capsule shows', '000300', { payloads: [], whole: false }],
] as const) {
  test(`capsules: ${title}`, (t) => {
    t.like(readAll([Buffer.from(hex.replaceAll(' ', ''), 'hex')]), wanted)
  })
}

test('after an error every call gives it again, and nothing more comes out', (t) => {
  const read = readAll([Buffer.from('0000', 'hex'), encodeDatagram(Buffer.from('late'))])
  t.deepEqual(read.payloads, [])
  t.is(read.error, 'capsule_malformed')
})

test('paths of flows of datagrams: what is printed is parsed, and nothing else is a target', (t) => {
  for (const target of [
    { host: 'dns.example.com', port: 53 },
    { host: '10.0.0.1', port: 65_535 },
    { host: 'fd00::1', port: 1 },
  ]) {
    t.deepEqual(parseDatagramPath('udp', printDatagramPath('udp', target)), target)
  }
  t.is(
    printDatagramPath('udp', { host: 'fd00::1', port: 53 }),
    '/.well-known/masque/udp/fd00%3A%3A1/53/',
  )
  for (const path of [
    '',
    '/',
    '/.well-known/masque/udp/wiki/53',
    '/.well-known/masque/udp//53/',
    '/.well-known/masque/udp/wiki/port/',
    '/.well-known/masque/udp/a/b/53/',
    `/.well-known/masque/udp/${'a'.repeat(513)}/53/`,
  ]) {
    t.is(parseDatagramPath('udp', path), undefined)
  }
  t.is(printDatagramPath('icmp', { host: 'fd00::1', port: 0 }), '/.well-known/zt/icmp/fd00%3A%3A1/')
  t.deepEqual(parseDatagramPath('icmp', '/.well-known/zt/icmp/fd00%3A%3A1/'), {
    host: 'fd00::1',
    port: 0,
  })
  for (const path of ['/.well-known/zt/icmp/a/7/', '/.well-known/zt/icmp//', '/zt/icmp/a/']) {
    t.is(parseDatagramPath('icmp', path), undefined)
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const target = parseDatagramPath('udp', `/.well-known/masque/udp/${text}/53/`)
      t.true(target === undefined || target.port === 53)
    }),
    { numRuns },
  )
})
