import test from 'ava'
import fc from 'fast-check'
import { parseProxyStatus, printProxyStatus } from '#lib/wire/proxy-status'
import { parseFieldList, printString, printToken } from '#lib/wire/structured-field'

test('proxy status: prints and reads a refusal (RFC 9209 section 2)', (t) => {
  const status = {
    proxy: 'zt-gateway',
    error: 'http_request_denied',
    reason: 'no_application',
    details: 'Ask "them" \\ here.',
  }
  const text = printProxyStatus(status)
  t.is(
    text,
    'zt-gateway; error=http_request_denied; reason=no_application; details="Ask \\"them\\" \\\\ here."',
  )
  t.deepEqual(parseProxyStatus(text), status)
})

test('proxy status: the nearest hop counts, and unknown parameters are skipped', (t) => {
  const text =
    '"far, away"; error=dns_error;n=-1.5;b=?0;k;t=@1;y=:AA==:, \tr34.example.net; error=connection_timeout'
  t.deepEqual(parseProxyStatus(text), { proxy: 'r34.example.net', error: 'connection_timeout' })
})

const broken = {
  'an empty field': '',
  'a trailing comma': 'a,',
  'two items without a comma': 'a b',
  'an open string': 'a; details="x',
  'a key in capitals': 'a; Error=x',
  'a non-ASCII string': 'a; details="é"',
  'an inner list': '(a b)',
  'a line break': 'a\r\nb',
  'a field over the limit (T123)': `a; details="${'x'.repeat(9000)}"`,
}
for (const [title, text] of Object.entries(broken)) {
  test(`proxy status: refuses ${title}`, (t) => t.is(parseProxyStatus(text), undefined))
}

test('proxy status: what is no token is a bug, and never reaches the wire', (t) => {
  t.throws(() => printProxyStatus({ proxy: 'a b' }))
  t.throws(() => printProxyStatus({ proxy: 'a', reason: 'x\r\nset-cookie: y' }))
})

test('structured field: never throws, and printed strings and tokens read back', (t) => {
  const reads = fc.property(fc.string({ unit: 'binary' }), (text) => {
    parseFieldList(text)
    const quoted = parseFieldList(`a; b=${printString(text)}`)
    const wanted = text.replace(/[^ -~]/g, '?')
    const kept = quoted.ok && quoted.value[0]?.parameters.get('b') === wanted
    const token = printToken(text)
    const read = token === undefined ? undefined : parseFieldList(token)
    return kept && (read === undefined || (read.ok && read.value[0]?.value === text))
  })
  t.notThrows(() => fc.assert(reads))
})
