import test from 'ava'
import fc from 'fast-check'
import { parseHostName } from '#lib/net/host'

const accepted = {
  'keeps a plain name': ['db1.corp.internal', 'db1.corp.internal'],
  'lowers the case': ['DB1.Corp.Internal', 'db1.corp.internal'],
  'drops one trailing dot': ['db1.', 'db1'],
  'takes a single label': ['wiki', 'wiki'],
  'takes underscores': ['_ldap.corp', '_ldap.corp'],
} as const
for (const [title, [text, wanted]] of Object.entries(accepted)) {
  test(`host name: ${title}`, (t) => {
    const parsed = parseHostName(text)
    t.true(parsed.ok && parsed.value === wanted)
  })
}

const refused = {
  'the empty name': '',
  'two trailing dots': 'a..',
  'an IPv4 literal': '10.0.0.1',
  'a hexadecimal address (T120)': '0x7f000001',
  'a hexadecimal last label (T120)': '127.0.0.0x1',
  'a short address (T120)': '127.1',
  'an octal address (T120)': '0177.0.0.01',
  'a label that starts with a hyphen (T27)': '-oProxyCommand=x',
  'a space (T27)': 'a b',
  'a line break (T27)': 'a\nHost *',
  'a quote (T27)': 'a"b',
  'a glob (T27)': '*.corp',
  'a percent token (T27)': '%h.corp',
  'a label of 64 octets': `${'a'.repeat(64)}.corp`,
  'more than 253 octets': 'a.'.repeat(128),
  'non-ASCII letters': 'bücher.corp',
}
for (const [title, text] of Object.entries(refused)) {
  test(`host name: refuses ${title}`, (t) => t.false(parseHostName(text).ok))
}

test('host name: never throws, and what it accepts is stable', (t) => {
  const stable = fc.property(fc.string(), (text) => {
    const parsed = parseHostName(text)
    if (!parsed.ok) return true
    const again = parseHostName(parsed.value)
    return again.ok && again.value === parsed.value
  })
  t.notThrows(() => fc.assert(stable))
})
