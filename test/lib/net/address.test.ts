import { isIP } from 'node:net'
import test from 'ava'
import fc from 'fast-check'
import { addressFromBytes, equalAddresses, formatAddress, parseAddress } from '#lib/net/address'

const accepted = {
  'reads IPv4': ['10.0.0.1', '10.0.0.1'],
  'reads the highest IPv4': ['255.255.255.255', '255.255.255.255'],
  'shortens IPv6 (RFC 5952)': ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
  'reads the unspecified address': ['::', '::'],
  'reads an embedded IPv4 tail': ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  'keeps one zero group': ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  'shortens the first of two equal runs': ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
  'folds a mapped address to IPv4 (T120)': ['::ffff:127.0.0.1', '127.0.0.1'],
  'folds a mapped address in hexadecimal (T120)': ['0:0:0:0:0:FFFF:7f00:1', '127.0.0.1'],
} as const
for (const [title, [text, wanted]] of Object.entries(accepted)) {
  test(`address: ${title}`, (t) => {
    const parsed = parseAddress(text)
    t.is(parsed.ok ? formatAddress(parsed.value) : parsed.error.reason, wanted)
  })
}

const refused = {
  'the empty text': '',
  'octal octets (T120)': '0177.0.0.1',
  'hexadecimal octets (T120)': '0x7f.0.0.1',
  'a short form (T120)': '127.1',
  'one number (T120)': '2130706433',
  'an octet over 255': '10.0.0.256',
  'five octets': '10.0.0.0.1',
  'a sign': '10.0.0.-1',
  spaces: ' 10.0.0.1',
  'a zone id': 'fe80::1%eth0',
  brackets: '[::1]',
  'two gaps': '1::2::3',
  'nine groups': '1:2:3:4:5:6:7:8:9',
  'a gap for no group': '1:2:3:4::5:6:7:8',
  'three colons': ':::1',
  'an IPv4 part in front': '1.2.3.4::1',
  'a bad IPv4 tail': '::ffff:1.2.3',
  'a name': 'wiki',
}
for (const [title, text] of Object.entries(refused)) {
  test(`address: refuses ${title}`, (t) => t.false(parseAddress(text).ok))
}

const bytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
)

test('address: parse reads back what format wrote', (t) => {
  const roundTrip = fc.property(bytes, (octets) => {
    const address = addressFromBytes(octets)
    const again = parseAddress(formatAddress(address))
    return again.ok && equalAddresses(again.value, address)
  })
  t.notThrows(() => fc.assert(roundTrip))
})

test('address: accepts a text exactly when node:net does, zones apart, and never throws', (t) => {
  const noise = fc.string({ unit: fc.constantFrom(...'0123456789abcdefx:.%/ '), maxLength: 20 })
  const literal = fc.oneof(noise, fc.ipV4(), fc.ipV6(), fc.string())
  const agrees = fc.property(literal, (text) => {
    return parseAddress(text).ok === (isIP(text) !== 0 && !text.includes('%'))
  })
  t.notThrows(() => fc.assert(agrees, { numRuns: 200 }))
})

test('address: only 4 or 16 octets make one', (t) => {
  t.throws(() => addressFromBytes(new Uint8Array(5)), { instanceOf: RangeError })
})
