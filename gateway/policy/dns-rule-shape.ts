/** Rules of the DNS phase as written. The table also makes the reference page. */
import { list, mapping, optional, required, type ValueOf } from '#lib/config/mapping-shape'
import { type Mistake, type Path, quote } from '#lib/config/mistake'
import { checked, mapped, oneOf, type Shape, text, wholeNumber } from '#lib/config/shape'
import { address, hostName, line, name } from '#lib/config/text-shapes'
import { parseTypeName } from '#lib/dns/type-names'
import { parseHostPattern } from '#lib/net/host-pattern'
import type { DestinationHost } from './destination.ts'
import type { NameAction, NameRule } from './document.ts'
import { splitTiming, timingFields } from './schedule-shape.ts'
import { conditionFields } from './selector.ts'

/** What an extended error may say, characters: an answer is to fit a datagram. */
const TEXT_LIMIT = 100

const pattern: Shape<DestinationHost> = text<DestinationHost>(
  'a name such as wiki.corp.internal, *.corp.internal or *',
  (written) => {
    if (written === '*') return { value: { kind: 'any' } }
    const parsed = parseHostPattern(written)
    return parsed.ok
      ? { value: { kind: 'name', pattern: parsed.value } }
      : { wrong: `${quote(written)} is no host name, "*.zone" or "*"` }
  },
)

export const recordType: Shape<number> = text(
  'a record type such as A, MX or TYPE65280',
  (written) => {
    const type = parseTypeName(written)
    return type === undefined
      ? { wrong: `${quote(written)} is no record type; write for example A, AAAA, MX or TYPE65280` }
      : { value: type }
  },
)

const reasonText = checked(line, (written, path) =>
  written.length <= TEXT_LIMIT
    ? []
    : [{ path, message: `the text is longer than ${TEXT_LIMIT} characters` }],
)

const ruleFields = {
  name: required(name, 'What logs and traces call it.'),
  precedence: required(
    wholeNumber(0, 1_000_000),
    'Lower comes first; no two rules of the DNS phase share one.',
  ),
  action: required(
    oneOf('allow', 'block', 'override'),
    'What it does when it matches. `block` and `override` bind connections to the name as well.',
  ),
  names: required(
    list(pattern, { kind: 'a list of names', min: 1 }),
    'The names that are asked for; `*.zone` is every name below the zone.',
  ),
  types: optional(
    list(recordType, { kind: 'a list of record types', min: 1 }),
    'The record types that are asked for; without it all.',
  ),
  answer: optional(
    oneOf('nxdomain', 'refused'),
    'With `block`: there is no such name (the default), or no answer.',
  ),
  text: optional(reasonText, 'With `block`: what is told as the reason (RFC 8914).'),
  addresses: optional(
    list(address, { kind: 'a list of addresses', min: 1 }),
    'With `override`: the addresses of the name.',
  ),
  alias: optional(hostName, 'With `override`: the name that it stands for.'),
  ...conditionFields,
  ...timingFields,
} as const

type Written = ValueOf<typeof ruleFields>

const OF_ACTION = {
  answer: 'block',
  text: 'block',
  addresses: 'override',
  alias: 'override',
} as const

/** The shape of one rule. */
export const dnsRuleShape: Shape<NameRule> = mapped(
  checked(mapping(ruleFields, 'a rule of the DNS phase'), mismatches),
  toRule,
)

function mismatches(written: Written, path: Path): Mistake[] {
  const stray = Object.entries(OF_ACTION).flatMap(([key, action]) =>
    written[key as keyof typeof OF_ACTION] === undefined || written.action === action
      ? []
      : [{ path: [...path, key], message: `only a rule with "action: ${action}" has this key` }],
  )
  const given = [written.addresses, written.alias].filter((one) => one !== undefined).length
  if (written.action !== 'override' || given === 1) return stray
  return [...stray, { path, message: 'an override gives either "addresses" or "alias"' }]
}

function toRule(written: Written): NameRule {
  const { timing } = splitTiming(written)
  const { name, precedence, names, types, include, require, exclude } = written
  return {
    ...{ name, precedence, names, include, require, exclude, timing },
    effect: actionOf(written),
    ...(types !== undefined && { types }),
  }
}

function actionOf({ action, answer, text, addresses, alias }: Written): NameAction {
  switch (action) {
    case 'allow':
      return { kind: 'allow' }
    case 'block':
      return { kind: 'block', answer: answer ?? 'nxdomain', ...(text !== undefined && { text }) }
    case 'override':
      return alias === undefined
        ? { kind: 'override', addresses: addresses ?? [] }
        : { kind: 'override', alias }
  }
}
