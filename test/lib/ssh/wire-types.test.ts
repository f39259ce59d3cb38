import test from 'ava'
import fc from 'fast-check'
import { SshReader } from '#lib/ssh/reader'
import {
  writeBoolean,
  writeNameList,
  writePositiveInteger,
  writeString,
  writeUint32,
  writeUint64,
} from '#lib/ssh/writer'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

const MPINTS: Readonly<Record<string, [string, string]>> = {
  'a long one of RFC 4251 section 5': ['9a378f9b2e332a7', '00000008 09a378f9b2e332a7'],
  'a sign octet where the first bit is one': ['80', '00000002 0080'],
  'leading zeros dropped': ['0000007f', '00000001 7f'],
}
for (const [name, [magnitude, wanted]] of Object.entries(MPINTS)) {
  test(`S1: RFC 4251 section 5: mpint with ${name}`, (t) => {
    const written = writePositiveInteger(
      hex(magnitude.padStart(magnitude.length + (magnitude.length % 2), '0')),
    )
    t.deepEqual(written, hex(wanted))
    t.is(
      new SshReader(written).positiveInteger().toString('hex').replace(/^0/, ''),
      magnitude.replace(/^0+/, ''),
    )
  })
}

const MALFORMED: Readonly<Record<string, [string, (reader: SshReader) => unknown]>> = {
  'a string longer than the input': ['00000005 61626364', (r) => r.string()],
  'a length near 2^32': ['ffffffff 61', (r) => r.string()],
  'a short uint32': ['000000', (r) => r.uint32()],
  'a short uint64': ['00000000000000', (r) => r.uint64()],
  'text that is not UTF-8': ['00000002 c328', (r) => r.text()],
  'an overlong UTF-8 slash': ['00000002 c0af', (r) => r.text()],
  'a negative mpint': ['00000001 80', (r) => r.positiveInteger()],
  'an mpint with a needless zero': ['00000002 007f', (r) => r.positiveInteger()],
  'mpint zero': ['00000000', (r) => r.positiveInteger()],
  'a name-list with an empty name': ['00000003 612c2c', (r) => r.nameList()],
  'a name-list with a control character': ['00000003 610a62', (r) => r.nameList()],
  'a name of more than 64 octets': [`00000041 ${'61'.repeat(65)}`, (r) => r.nameList()],
}
for (const [name, [input, read]] of Object.entries(MALFORMED)) {
  test(`S1: the reader refuses ${name}`, (t) => {
    const reader = new SshReader(hex(input))
    read(reader)
    t.true(reader.failed)
    t.false(reader.complete)
    t.false(reader.hasMore)
    t.is(reader.byte(), 0)
  })
}

test('S1: a name-list of 257 names is refused', (t) => {
  const reader = new SshReader(writeNameList(Array<string>(257).fill('a')))
  t.deepEqual(reader.nameList(), [])
  t.true(reader.failed)
})

test('S1: what is written is read back, and any cut of it is refused', (t) => {
  const values = fc.record({
    flag: fc.boolean(),
    number: fc.nat(0xffffffff),
    big: fc.bigInt(0n, 2n ** 64n - 1n),
    text: fc.string({ unit: 'binary' }),
    names: fc.array(fc.stringMatching(/^[a-z0-9@.-]{1,20}$/), { maxLength: 9 }),
  })
  const check = fc.property(values, fc.nat(), ({ flag, number, big, text, names }, cut) => {
    const fields = [writeBoolean(flag), writeUint32(number), writeUint64(big), writeString(text)]
    const written = Buffer.concat([...fields, writeNameList(names)])
    const read = (input: Buffer) => {
      const r = new SshReader(input)
      const got = [r.boolean(), r.uint32(), r.uint64(), r.text(), r.nameList()]
      return { got, complete: r.complete }
    }
    t.deepEqual(read(written), { got: [flag, number, big, text, names], complete: true })
    t.false(read(written.subarray(0, cut % written.length)).complete)
  })
  fc.assert(check)
})
