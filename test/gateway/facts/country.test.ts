import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import fc from 'fast-check'
import { countryOf } from '../../../gateway/facts/country.ts'
import { openCountries } from '../../../gateway/facts/country-os.ts'

const DATABASE = fileURLToPath(
  import.meta.resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'),
)

const cases: Readonly<Record<string, string | undefined>> = {
  '193.0.6.139': 'NL',
  '2001:67c:2e8:22::c100:68b': 'NL',
  '10.0.0.5': undefined,
  '127.0.0.1': undefined,
  '169.254.169.254': undefined,
  'fd00::1': undefined,
  '': undefined,
  'no address': undefined,
}

test('A3: a public address has the country of the database, a private one has none', (t) => {
  const countries = openCountries(DATABASE)
  for (const [address, country] of Object.entries(cases)) t.is(countries(address), country, address)
})

test('A3: a file that is no such database is refused at start', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zt-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'x.mmdb'), 'no database')
  t.throws(() => openCountries(join(folder, 'x.mmdb')))
  t.throws(() => openCountries(join(folder, 'none.mmdb')))
})

test('A3: both layouts are read, and what is no country is none', (t) => {
  t.is(countryOf({ country_code: 'DE' }), 'DE')
  t.is(countryOf({ country: { iso_code: 'DE' } }), 'DE')
  for (const odd of [null, {}, { country_code: 'de' }, { country_code: '' }, { country: {} }]) {
    t.is(countryOf(odd), undefined)
  }
  t.notThrows(() => fc.assert(fc.property(fc.anything(), (row) => countryOf(row) === undefined)))
})
