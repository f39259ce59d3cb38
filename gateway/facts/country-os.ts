/**
 * Countries of addresses, from a database in MaxMind's format that is read once.
 */
import { readFileSync } from 'node:fs'
import { Reader } from 'maxmind'
import { parseAddress } from '#lib/net/address'
import { isPublicAddress } from '../policy/phases/address.ts'
import { countryOf } from './country.ts'

/** The country of an address, ISO 3166-1 alpha-2; undefined where none is known. */
export type CountryOf = (address: string) => string | undefined

/** Without a database no address has a country. */
export const NO_COUNTRIES: CountryOf = () => undefined

/** @throws {Error} when the file cannot be read or is no such database. */
export function openCountries(file: string): CountryOf {
  const reader = new Reader<Readonly<Record<string, unknown>>>(readFileSync(file))
  return (text) => {
    const address = parseAddress(text)
    if (!address.ok || !isPublicAddress(address.value)) return undefined
    return countryOf(reader.get(text))
  }
}
