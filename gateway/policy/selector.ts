/**
 * Selectors and conditions as policy writes them: `{ group: engineers }`, one key each.
 * One vocabulary for policies, network rules and rule groups.
 */

import { defaulted, list, required } from '#lib/config/mapping-shape'
import { didYouMean, quote } from '#lib/config/mistake'
import { type Decoded, isMapping, mistake, type Shape, text } from '#lib/config/shape'
import { hostName, line, name, prefix } from '#lib/config/text-shapes'
import type { Selector } from './document.ts'

const EMAIL = /^[^\s@]{1,64}@[^\s@]{1,253}$/
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/

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
const everyone: Shape<true> = {
  kind: 'true',
  decode: (value, path) =>
    value === true ? { value, mistakes: [] } : mistake(path, `${quote(value)} is not true`),
}

type Kind = {
  readonly shape: Shape<unknown>
  readonly about: string
  readonly make: (value: never) => Selector
}

/** Every selector: its key, the shape of its value, what it holds for. */
export const SELECTORS: Readonly<Record<string, Kind>> = {
  everyone: kind(everyone, 'Every enrolled user.', () => ({ kind: 'everyone' })),
  email: kind(email, 'The user with this address, in any case of letters.', (value) => ({
    kind: 'email',
    email: value,
  })),
  email_domain: kind(hostName, 'Users whose address ends in `@` and this domain.', (value) => ({
    kind: 'email_domain',
    domain: value,
  })),
  group: kind(line, 'Members of this group of the identity provider, exact name.', (value) => ({
    kind: 'group',
    group: value,
  })),
  device_id: kind(deviceId, 'One enrolled device.', (value) => ({
    kind: 'device_id',
    deviceId: value,
  })),
  ip_range: kind(prefix, 'Devices whose tunnel comes from an address in this prefix.', (value) => ({
    kind: 'ip_range',
    prefix: value,
  })),
  rule_group: kind(name, 'Whoever this rule group admits.', (value) => ({
    kind: 'rule_group',
    ruleGroup: value,
  })),
}

/** The shape of one selector. */
export const selector: Shape<Selector> = { kind: 'a selector such as { group: engineers }', decode }

const selectors = { kind: 'a list of selectors such as [{ group: engineers }]' }

/** The keys of a condition. */
export const conditionFields = {
  include: required(list(selector, { ...selectors, min: 1 }), 'Whom it is about: any of these.'),
  require: defaulted(list(selector, selectors), 'All of these must hold too.', []),
  exclude: defaulted(list(selector, selectors), 'None of these may hold.', []),
} as const

function decode(value: unknown, path: readonly (string | number)[]): Decoded<Selector> {
  const keys = isMapping(value) ? Object.keys(value) : []
  const [key] = keys
  if (!isMapping(value) || key === undefined || keys.length !== 1) {
    return mistake(path, `${quote(value)} is not ${selector.kind}; a selector has one key`)
  }
  const found = Object.hasOwn(SELECTORS, key) ? SELECTORS[key] : undefined
  if (found === undefined) return mistake([...path, key], unknownSelector(key))
  const decoded = found.shape.decode(value[key], [...path, key])
  if (decoded.value === undefined) return { mistakes: decoded.mistakes }
  return { value: found.make(decoded.value as never), mistakes: decoded.mistakes }
}

function unknownSelector(key: string): string {
  const known = Object.keys(SELECTORS)
  return `unknown selector${didYouMean(key, known) || `; known are ${known.join(', ')}`}`
}

function kind<T>(shape: Shape<T>, about: string, make: (value: T) => Selector): Kind {
  return { shape, about, make }
}
