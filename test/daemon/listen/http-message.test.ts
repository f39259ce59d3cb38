import test from 'ava'
import fc from 'fast-check'
import {
  forwardedHeaders,
  isOwnHost,
  parseAbsoluteForm,
} from '../../../daemon/listen/http-message.ts'
import { parseAuthority } from '../../../daemon/listen/target.ts'
import { printAuthority } from '../../../lib/net/endpoint.ts'

const accepted: Record<string, [string, string, number, string]> = {
  'a plain URL': ['http://wiki.corp/a?b=c', 'wiki.corp', 80, '/a?b=c'],
  'a port': ['http://Wiki.Corp:8080/', 'wiki.corp', 8080, '/'],
  'no path': ['http://wiki.corp', 'wiki.corp', 80, '/'],
  'a query without a path': ['http://wiki.corp?x', 'wiki.corp', 80, '/?x'],
  'an IPv6 literal': ['http://[2001:db8::1]:81/', '2001:db8::1', 81, '/'],
}
for (const [title, [text, host, port, path]] of Object.entries(accepted)) {
  test(`D1: absolute form takes ${title}`, (t) => {
    const parsed = parseAbsoluteForm(text)
    t.true(parsed.ok)
    if (!parsed.ok) return
    t.deepEqual(parsed.value.target, { host, port })
    t.is(parsed.value.path, path)
  })
}

const refused: Record<string, string> = {
  'origin form': '/a',
  https: 'https://wiki.corp/',
  'user information': 'http://user@wiki.corp/',
  'port 0': 'http://wiki.corp:0/',
  'port 65536': 'http://wiki.corp:65536/',
  'no host': 'http:///a',
  'an octal address': 'http://0177.0.0.1/',
  'asterisk form': '*',
}
for (const [title, text] of Object.entries(refused)) {
  test(`D1 T121: absolute form refuses ${title}`, (t) => t.false(parseAbsoluteForm(text).ok))
}

test('D1: headers of one hop are dropped, those that Connection names too', (t) => {
  const raw = ['Host', 'a', 'Proxy-Connection', 'x', 'connection', 'close, X-Hop', 'X-Hop', '1']
  t.deepEqual(forwardedHeaders([...raw, 'Cookie', 'a=b', 'TE', 'trailers', 'Cookie', 'c']), [
    ['Cookie', 'a=b'],
    ['Cookie', 'c'],
  ])
})

test('D15 T100: only 127.0.0.1 and localhost with the port name this server', (t) => {
  t.true(isOwnHost('127.0.0.1:7080', 7080))
  t.true(isOwnHost('LocalHost:7080', 7080))
  for (const host of [undefined, '', '127.0.0.1', 'evil.example:7080', '127.0.0.1:7081']) {
    t.false(isOwnHost(host, 7080))
  }
})

test('T121: authority and absolute form never throw, and what they accept prints and parses back', (t) => {
  const part = fc.constantFrom(
    'a',
    '.',
    ':',
    '[',
    ']',
    '1',
    '0',
    'http://',
    '/',
    '%',
    'é',
    ' ',
    '-',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(part).map((parts) => parts.join('')),
  )
  const stable = fc.property(text, (input) => {
    parseAbsoluteForm(input)
    const parsed = parseAuthority(input, 80)
    if (!parsed.ok) return true
    const again = parseAuthority(printAuthority(parsed.value))
    return again.ok && again.value.host === parsed.value.host
  })
  t.notThrows(() => fc.assert(stable, { numRuns: process.env['ZT_FULL'] ? 5000 : 200 }))
})
