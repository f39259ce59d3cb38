import test from 'ava'
import fc from 'fast-check'
import { readExtendedError } from '#lib/dns/extended-error'
import { parseDnsServer } from '#lib/dns/server'
import { parseTypeName, typeName } from '#lib/dns/type-names'
import { readQuestion } from '../../../gateway/dns/question.ts'

const option = (code: number, data: string) => {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(code)
  head.writeUInt16BE(data.length / 2, 2)
  return Buffer.concat([head, Buffer.from(data, 'hex')])
}
const COOKIE = option(10, '0102030405060708')
const BLOCKED = option(15, '000f6e6f')

const OPTIONS: Readonly<Record<string, readonly [Buffer, { code: number; text: string }?]>> = {
  none: [Buffer.alloc(0)],
  'only others': [COOKIE],
  'behind others': [Buffer.concat([COOKIE, BLOCKED]), { code: 15, text: 'no' }],
  'the first of two': [Buffer.concat([BLOCKED, option(15, '0012')]), { code: 15, text: 'no' }],
  'without a text': [option(15, '0012'), { code: 18, text: '' }],
  'too short for a code': [option(15, '00')],
  'cut off': [BLOCKED.subarray(0, -1)],
}
for (const [title, [options, expected]] of Object.entries(OPTIONS)) {
  test(`D3: an extended error is read: ${title}`, (t) => {
    t.deepEqual(readExtendedError(options), expected)
  })
}

const SERVERS: Readonly<Record<string, { host: string; port: number } | undefined>> = {
  '10.0.0.53': { host: '10.0.0.53', port: 53 },
  '10.0.0.53:5353': { host: '10.0.0.53', port: 5353 },
  'fd00::53': { host: 'fd00::53', port: 53 },
  '[fd00::53]:5353': { host: 'fd00::53', port: 5353 },
  'ns.corp.internal': undefined,
  'ns.corp.internal:53': undefined,
  '10.0.0.53:0': undefined,
  '10.0.0.53:': undefined,
  '': undefined,
}
for (const [text, expected] of Object.entries(SERVERS)) {
  test(`G12: a server of DNS: "${text}"`, (t) => {
    t.deepEqual(parseDnsServer(text), expected)
  })
}

test('G12: record types have names, in any case of letters, and numbers', (t) => {
  t.deepEqual(
    ['A', 'aaaa', 'Https', 'TYPE65280', 'type0'].map(parseTypeName),
    [1, 28, 65, 65_280, 0],
  )
  for (const text of [
    '',
    'AA',
    'TYPE',
    'TYPE65536',
    'TYPE-1',
    'TYPE1e3',
    'constructor',
    '__proto__',
  ]) {
    t.is(parseTypeName(text), undefined, text)
  }
})

test('G12: every record type is read as it is printed', (t) => {
  fc.assert(fc.property(fc.nat(65_535), (type) => parseTypeName(typeName(type)) === type))
  t.is(typeName(1), 'A')
})

test('G12: whatever comes, these parsers answer', (t) => {
  const bytes = fc.uint8Array({ maxLength: 64 })
  const body = bytes.map((query) =>
    JSON.stringify({ query: Buffer.from(query).toString('base64url') }),
  )
  fc.assert(
    fc.property(bytes, fc.string(), fc.oneof(fc.string(), body), (options, text, question) => {
      readExtendedError(options)
      parseDnsServer(text)
      parseTypeName(text)
      return typeof readQuestion(question).ok === 'boolean'
    }),
    { numRuns: 200 },
  )
  t.false(readQuestion('').ok)
})
