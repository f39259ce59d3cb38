/**
 * Selectors and conditions as policy writes them: `{ group: engineers }`, one key each.
 * One vocabulary for policies, network rules and rule groups.
 */

import { defaulted, list, mapping, required } from '#lib/config/mapping-shape'
import { didYouMean, quote } from '#lib/config/mistake'
import { type Decoded, isMapping, mistake, type Shape } from '#lib/config/shape'
import { line, name, prefix } from '#lib/config/text-shapes'
import type { List, Selector, TextAttribute } from './document.ts'
import { VALUES } from './selector-values.ts'

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

const claim = mapping(
  {
    name: required(line, 'Name of the claim, as the provider writes it.'),
    value: required(line, 'One of its values must be this, exactly.'),
  },
  'a claim such as { name: department, value: finance }',
)
const token: Shape<string> = { ...name, kind: 'a name, or any' }

/** Every selector: its key, the shape of its value, what it holds for. */
export const SELECTORS: Readonly<Record<string, Kind>> = {
  everyone: kind(everyone, 'Every enrolled user; services are not meant.', () => ({
    kind: 'everyone',
  })),
  email: attribute('email', VALUES.email, 'The user with this address, in any case of letters.'),
  email_domain: attribute(
    'email_domain',
    VALUES.emailDomain,
    'Users whose address ends in `@` and this domain.',
  ),
  group: attribute('group', line, 'Members of this group of the identity provider, exact name.'),
  login_method: attribute('login_method', name, 'Users of the identity provider of this name.'),
  amr: attribute(
    'amr',
    line,
    'Users whose last login used this authentication method (RFC 8176), for example `hwk`.',
  ),
  auth_context: attribute(
    'auth_context',
    line,
    'Users whose last login has this authentication context class (`acr`).',
  ),
  claim: kind(claim, 'Users of whom the identity provider claims this.', (value) => ({
    kind: 'claim',
    ...value,
  })),
  device_id: attribute('device_id', VALUES.deviceId, 'One enrolled device.'),
  device_posture: kind(name, 'Devices that passed this posture check.', (check) => ({
    kind: 'device_posture',
    check,
  })),
  ip_range: kind(prefix, 'Devices whose tunnel comes from an address in this prefix.', (value) => ({
    kind: 'ip_range',
    prefix: value,
  })),
  country: attribute(
    'country',
    VALUES.country,
    'Devices whose tunnel comes from an address in this country; private addresses have none.',
  ),
  service_token: kind(
    token,
    'The service with the token of this name; `any`: any service.',
    (value) =>
      value === 'any' ? { kind: 'service_token' } : { kind: 'service_token', token: value },
  ),
  external: kind(name, 'Whoever this external evaluator admits.', (evaluator) => ({
    kind: 'external',
    evaluator,
  })),
  rule_group: kind(name, 'Whoever this rule group admits.', (ruleGroup) => ({
    kind: 'rule_group',
    ruleGroup,
  })),
  email_list: listed('email'),
  email_domain_list: listed('email_domain'),
  group_list: listed('group'),
  country_list: listed('country'),
  device_id_list: listed('device_id'),
  ip_list: listed('ip'),
  any_of: {
    shape: {
      kind: 'a list of selectors',
      decode: (value, path) => list(withinAnyOf, { min: 1 }).decode(value, path),
    },
    about: 'Whoever any of these holds for: for `require`, where each entry must hold.',
    make: (selectors: readonly Selector[]) => ({ kind: 'any_of', selectors }),
  },
}

/** Selectors that name a list, and the kind of list. */
export const LIST_SELECTORS: ReadonlyMap<string, List['kind']> = new Map(
  (['email', 'email_domain', 'group', 'country', 'device_id', 'ip'] as const).map((of) => [
    `${of}_list`,
    of,
  ]),
)

/** The shape of one selector. */
export const selector: Shape<Selector> = { kind: 'a selector such as { group: engineers }', decode }

const withinAnyOf: Shape<Selector> = {
  kind: selector.kind,
  decode: (value, path) =>
    isMapping(value) && Object.hasOwn(value, 'any_of')
      ? mistake(path, 'any_of stands in any_of; write its selectors into the outer one')
      : decode(value, path),
}

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

function attribute(of: TextAttribute, shape: Shape<string>, about: string): Kind {
  return kind(shape, about, (value) => ({ kind: of, value }))
}

function listed(of: string): Kind {
  const about = `As \`${of === 'ip' ? 'ip_range' : of}\`, for each value of this list of kind \`${of}\`.`
  return kind(name, about, (list) => ({ kind: 'list', list }))
}

function kind<T>(shape: Shape<T>, about: string, make: (value: T) => Selector): Kind {
  return { shape, about, make }
}
