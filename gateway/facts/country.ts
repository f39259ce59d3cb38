/**
 * The country in a row of a country database. Two layouts are in use. Pure.
 */
import { isMapping } from '#lib/config/shape'

const COUNTRY = /^[A-Z]{2}$/

/** @returns ISO 3166-1 alpha-2; undefined for anything else. Never throws. */
export function countryOf(row: unknown): string | undefined {
  if (!isMapping(row)) return undefined
  const country = isMapping(row['country']) ? row['country']['iso_code'] : row['country_code']
  return typeof country === 'string' && COUNTRY.test(country) ? country : undefined
}
