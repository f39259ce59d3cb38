/**
 * Shapes of the values that selectors and lists name.
 */
import { quote } from '#lib/config/mistake'
import { text } from '#lib/config/shape'
import { hostName } from '#lib/config/text-shapes'

const EMAIL = /^[^\s@]{1,64}@[^\s@]{1,253}$/
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/
const COUNTRY = /^[A-Z]{2}$/

const email = text('an email address', (value) =>
  EMAIL.test(value)
    ? { value: value.toLowerCase() }
    : { wrong: `${quote(value)} is not an email address` },
)
const deviceId = text('a device id', (value) =>
  UUID.test(value)
    ? { value }
    : { wrong: `${quote(value)} is not a device id; "zt status" shows it` },
)
const country = text('a country such as DE', (value) => {
  const known = COUNTRY.test(value) ? new Intl.Locale(`und-${value}`).region : undefined
  if (known === value) return { value }
  const hint = known === undefined ? 'two upper-case letters of ISO 3166-1' : `write "${known}"`
  return { wrong: `${quote(value)} is not a country; ${hint}` }
})

export const VALUES = { email, emailDomain: hostName, deviceId, country } as const
