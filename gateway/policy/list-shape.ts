/**
 * Reusable lists as policy writes them. The tables also make the reference page.
 */
import { list, mapping, required } from '#lib/config/mapping-shape'
import { oneOf, type Shape } from '#lib/config/shape'
import { line, name, prefix } from '#lib/config/text-shapes'
import { variant } from '#lib/config/variant-shape'
import type { List } from './document.ts'
import { VALUES } from './selector-values.ts'

const kinds = {
  email: of('email', VALUES.email, 'Email addresses'),
  email_domain: of('email_domain', VALUES.emailDomain, 'Domains of email addresses'),
  group: of('group', line, 'Groups of identity providers'),
  country: of('country', VALUES.country, 'Countries'),
  device_id: of('device_id', VALUES.deviceId, 'Enrolled devices'),
  ip: of('ip', prefix, 'Addresses'),
  serial: of('serial', line, 'Serial numbers of devices, for posture checks'),
} as const

/** The shape of one list. */
export const listShape: Shape<List> = variant('kind', kinds, 'a list of values with a name')

function of<const K extends List['kind'], T>(kind: K, value: Shape<T>, what: string) {
  return mapping(
    {
      name: required(name, 'What selectors call it.'),
      kind: required(oneOf(kind), `${what}.`),
      values: required(list(value, { kind: `a list, each ${value.kind}` }), 'Any of these.'),
    },
    what.toLowerCase(),
  )
}
