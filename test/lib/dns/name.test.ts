import test from 'ava'
import fc from 'fast-check'
import { endOfName, readCompressedName, readName } from '#lib/dns/name'

const wiki = '0477696b69'
const corp = '04636f727000'
const CASES: Readonly<Record<string, readonly [hex: string, at: number, name?: string]>> = {
  'a plain name': [wiki + corp, 0, 'wiki.corp'],
  'a pointer': [`${corp}c000`, 6, 'corp'],
  'labels, then a pointer': [`${corp}${wiki}c000`, 6, 'wiki.corp'],
  'a pointer to a pointer': [`${corp}${wiki}c000c006`, 13, 'wiki.corp'],
  'the root': ['00', 0, '.'],
  'odd octets': ['01c000', 0, '\\192'],
  'a pointer to itself': ['c000', 0],
  'a pointer ahead': ['c00200', 0],
  'a pointer that leads back to it': [`${wiki}c000`, 0],
  'two pointers in a circle': ['c002c000', 2],
  'a pointer cut off': [`${wiki}c0`, 0],
  'a label cut off': ['047769', 0],
  'a reserved kind of label': ['4000', 0],
  nothing: ['', 0],
}
for (const [title, [hex, at, name]] of Object.entries(CASES)) {
  test(`D3: a compressed name: ${title}`, (t) => {
    t.deepEqual(readCompressedName(Buffer.from(hex, 'hex'), at), name)
  })
}

test('D3: names of more than 255 octets are none, however they are put together', (t) => {
  const label = `3f${'61'.repeat(63)}`
  const most = Buffer.from(`${label.repeat(3)}3d${'61'.repeat(61)}00`, 'hex')
  t.is(readCompressedName(most, 0)?.length, 253)
  const more = Buffer.concat([most, Buffer.from('0161c000', 'hex')])
  t.is(readCompressedName(more, most.length), undefined)
})

test('D3: any octets are a name or none; one without pointers is read as ever', (t) => {
  const octet = fc.oneof(fc.constantFrom(0, 1, 2, 0xc0), fc.nat(255))
  const property = fc.property(fc.array(octet, { maxLength: 40 }), fc.nat(40), (octets, at) => {
    const message = Uint8Array.from(octets)
    const read = readCompressedName(message, at)
    const plain = readName(message, at)
    if (plain !== undefined) t.is(read, plain.name)
    if (read !== undefined) t.not(endOfName(message, at), undefined)
  })
  fc.assert(property)
})
