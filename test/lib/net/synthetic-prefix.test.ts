import test from 'ava'
import fc from 'fast-check'
import {
  parseSyntheticPrefix,
  SYNTHETIC_DEFAULTS,
  type SyntheticPrefixError,
} from '../../../lib/net/synthetic-prefix.ts'

const refused: readonly [4 | 6, string, SyntheticPrefixError['reason']][] = [
  [4, 'all', 'bad_address'],
  [4, '10.0.0.1/16', 'host_bits_set'],
  [4, 'fd00::/64', 'wrong_version'],
  [6, '10.0.0.0/16', 'wrong_version'],
  [4, '8.8.0.0/16', 'not_private'],
  [6, '2001:db8::/64', 'not_private'],
  [4, '10.0.0.0/8', 'wrong_size'],
  [4, '10.0.0.0/25', 'wrong_size'],
  [6, 'fc00::/7', 'wrong_size'],
  [6, 'fd00::/105', 'wrong_size'],
]
for (const [version, text, reason] of refused) {
  test(`D3: ${text} gives no synthetic addresses of IPv${version}: ${reason}`, (t) => {
    t.deepEqual(parseSyntheticPrefix(version, text), { ok: false, error: { reason } })
  })
}

test('D3: the default prefixes give synthetic addresses', (t) => {
  t.true(parseSyntheticPrefix(4, SYNTHETIC_DEFAULTS.v4).ok)
  t.true(parseSyntheticPrefix(6, SYNTHETIC_DEFAULTS.v6).ok)
})

test('D3: no text makes the parser of synthetic prefixes throw', (t) => {
  const total = fc.property(fc.string(), (text) => void parseSyntheticPrefix(4, text))
  t.notThrows(() => fc.assert(total, { numRuns: process.env['ZT_FULL'] ? 5000 : 200 }))
})
