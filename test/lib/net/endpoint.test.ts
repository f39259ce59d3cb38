import test from 'ava'
import fc from 'fast-check'
import {
  type Endpoint,
  formatHost,
  parseEndpoint,
  parseHost,
  printAuthority,
} from '#lib/net/endpoint'
import { isWithinDomain, parseHostName } from '#lib/net/host'
import { formatHostPattern, matchesHost, parseHostPattern } from '#lib/net/host-pattern'

const print = ({ host, port }: Endpoint): string => printAuthority({ host: formatHost(host), port })

const cases = {
  'reads a name': ['Wiki.Corp.Internal:443', 'wiki.corp.internal:443'],
  'reads IPv4': ['10.0.0.1:22', '10.0.0.1:22'],
  'reads IPv6 in brackets': ['[2001:DB8::1]:22', '[2001:db8::1]:22'],
  'folds a mapped address (T120)': ['[::ffff:127.0.0.1]:22', '127.0.0.1:22'],
  'refuses IPv6 without brackets': ['2001:db8::1:22', 'bad_host'],
  'refuses IPv4 in brackets': ['[10.0.0.1]:22', 'bad_host'],
  'refuses a missing port': ['wiki', 'bad_port'],
  'refuses an empty port': ['wiki:', 'bad_port'],
  'refuses port 0': ['wiki:0', 'bad_port'],
  'refuses an empty host': [':22', 'bad_host'],
  'refuses an octal address (T120)': ['0177.0.0.1:22', 'bad_host'],
  'refuses a hexadecimal address (T120)': ['0x7f000001:22', 'bad_host'],
  'refuses user information': ['root@wiki:22', 'bad_host'],
  'refuses a line break (T27)': ['wiki\r\nHost: x:22', 'bad_host'],
} as const
for (const [title, [text, wanted]] of Object.entries(cases)) {
  test(`endpoint: ${title}`, (t) => {
    const parsed = parseEndpoint(text)
    t.is(parsed.ok ? print(parsed.value) : parsed.error.reason, wanted)
  })
}

test('endpoint: never throws, and what it accepts is stable', (t) => {
  const noise = fc.string({ unit: fc.constantFrom(...'a1.:[]-*0x '), maxLength: 16 })
  const stable = fc.property(fc.oneof(noise, fc.string()), (text) => {
    const parsed = parseEndpoint(text)
    if (parsed.ok) t.deepEqual(parseEndpoint(print(parsed.value)), parsed)
    parseHost(text)
  })
  t.notThrows(() => fc.assert(stable))
})

test('host: a bare IPv6 literal is an address', (t) => {
  const host = parseHost('::1')
  t.true(host.ok && host.value.kind === 'address')
})

const patterns = {
  'an exact name matches itself': ['wiki.corp', 'wiki.corp', true],
  'an exact name matches nothing below': ['wiki.corp', 'a.wiki.corp', false],
  'a wildcard matches one label': ['*.corp', 'wiki.corp', true],
  'a wildcard matches several labels': ['*.corp', 'a.b.c.corp', true],
  'a wildcard does not match its zone': ['*.corp', 'corp', false],
  'a wildcard does not match half a label': ['*.corp', 'wikicorp', false],
  'a wildcard does not match a longer zone': ['*.corp', 'wiki.corp.evil', false],
} as const
for (const [title, [pattern, name, wanted]] of Object.entries(patterns)) {
  test(`host pattern: ${title}`, (t) => {
    const parsed = parseHostPattern(pattern)
    const host = parseHostName(name)
    if (!parsed.ok || !host.ok) return t.fail()
    t.is(matchesHost(parsed.value, host.value), wanted)
    t.is(formatHostPattern(parsed.value), pattern)
  })
}

for (const text of ['*', 'a.*.corp', '*corp', '**.corp', '*.', '10.0.0.1', '']) {
  test(`host pattern: refuses "${text}"`, (t) => t.false(parseHostPattern(text).ok))
}

test('host: within a domain means the domain or below', (t) => {
  const within = (name: string, domain: string) => {
    const [a, b] = [parseHostName(name), parseHostName(domain)]
    return a.ok && b.ok && isWithinDomain(a.value, b.value)
  }
  t.true(within('corp', 'corp'))
  t.true(within('a.b.corp', 'corp'))
  t.false(within('acorp', 'corp'))
})
