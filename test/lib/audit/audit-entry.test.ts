import test from 'ava'
import fc from 'fast-check'
import { AUDIT_LINE_LIMIT, parseEntry, printEntry } from '#lib/audit/audit-entry'
import { canonicalJson } from '#lib/audit/canonical-json'

const runs = { numRuns: process.env['ZT_FULL'] ? 5000 : 200 }

test('S10 T68: no value can begin a line, reach a terminal or forge an entry', (t) => {
  const hostile = [
    'a\r\n{"sequence":1}',
    '\u001b]0;title\u0007\u009b31m',
    '"},{"kind":"forged',
    '\u2028\u2029\u202e\ud800',
    'x'.repeat(100_000),
  ]
  for (const value of hostile) {
    const line = printEntry({
      sequence: 0,
      atMs: 1,
      kind: 'admin_refused',
      about: { path: value, [value.slice(0, 20)]: 1 },
    })
    t.regex(line, /^[\x20-\x7e]+$/)
    t.deepEqual(parseEntry(line)?.about['path'], value.slice(0, 1000))
    t.is(parseEntry(line)?.kind, 'admin_refused')
  }
})

test('S10 T68: a long list is cut too: nobody makes a line that no reader takes', (t) => {
  const names = Array.from({ length: 256 }, (_, index) => `${index}`.padEnd(253, '\u00e9'))
  const about = { names, action: 'sign_ssh_host', big: ['x'.repeat(70_000)] }
  const line = printEntry({ sequence: 0, atMs: 1, kind: 'admin_action', about })
  t.true(line.length <= AUDIT_LINE_LIMIT)
  const entry = parseEntry(line)
  t.deepEqual(entry?.about['names'], [...names.slice(0, 15), '241 more'])
  t.deepEqual(entry?.about['big'], ['x'.repeat(1000)])
  t.is(entry?.about['action'], 'sign_ssh_host')
})

const fact = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
)
const facts = fc.dictionary(fc.string({ unit: 'binary', maxLength: 8 }), fact, { maxKeys: 5 })

test('S10: what is printed reads back, in one spelling', (t) => {
  fc.assert(
    fc.property(facts, fc.nat(), (about, sequence) => {
      const { ['__proto__']: _, ...own } = about
      const line = printEntry({ sequence, atMs: 5, kind: 'admin_action', about: own })
      const entry = parseEntry(line)
      return entry !== undefined && canonicalJson(entry) === line && /^[\x20-\x7e]*$/.test(line)
    }),
    runs,
  )
  t.is(canonicalJson({ b: [true, 'é'], a: -0 }), '{"a":0,"b":[true,"\\u00e9"]}')
  t.throws(() => canonicalJson(0.5), { instanceOf: RangeError })
})

test('S10: another spelling, another shape or noise is no entry', (t) => {
  const line = printEntry({ sequence: 3, atMs: 1, kind: 'admin_action', about: { a: 1 } })
  t.is(parseEntry(line)?.sequence, 3)
  const wrong = [
    ` ${line}`,
    `${line}\n`,
    line.replace('"a":1', '"a":1.0'),
    line.replace('"a":1', '"a":1,"a":1'),
    line.replace('"about"', '"about2"'),
    line.replace('admin', '\\u0061dmin'),
    '',
    'null',
    '[]',
  ]
  for (const other of wrong) t.is(parseEntry(other), undefined, other)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      parseEntry(text)
      return true
    }),
    runs,
  )
})
