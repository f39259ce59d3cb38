/**
 * What `ip -j` prints (iproute2), read. Pure; what is missing or odd is left out, since kernels and versions add fields.
 */
import { parseAddress } from '#lib/net/address'
import { type Prefix, parsePrefix } from '#lib/net/prefix'
import type { InterfaceAddress, Link, Route, Rule } from './machine.ts'

type Fields = Readonly<Record<string, unknown>>
type Family = 4 | 6

/** `ip -j [-d] address show`, or `link show`; only `-d` tells the kind. Never throws. */
export function parseLinks(text: string): readonly Link[] {
  return rowsOf(text).flatMap((row) => {
    const name = textOf(row, 'ifname')
    if (name === undefined) return []
    return [
      {
        name,
        kind: textOf(fieldsOf(row['linkinfo']), 'info_kind') ?? '',
        isUp: listOf(row['flags']).includes('UP'),
        addresses: listOf(row['addr_info']).flatMap(interfaceAddress),
      },
    ]
  })
}

function interfaceAddress(entry: unknown): InterfaceAddress[] {
  const fields = fieldsOf(entry)
  const address = parseAddress(textOf(fields, 'local') ?? '')
  const length = numberOf(fields, 'prefixlen')
  return address.ok && length !== undefined ? [{ address: address.value, length }] : []
}

/** `ip -j -4|-6 route show table all`. Never throws. */
export function parseRoutes(text: string, family: Family): readonly Route[] {
  return rowsOf(text).flatMap((row) => {
    const to = prefixOf(textOf(row, 'dst'), family)
    if (to === undefined) return []
    const via = parseAddress(textOf(row, 'gateway') ?? '')
    return [
      {
        family,
        type: textOf(row, 'type') ?? 'unicast',
        to,
        table: textOf(row, 'table') ?? 'main',
        ...(via.ok && { via: via.value }),
        ...optional('device', textOf(row, 'dev')),
        ...optional('metric', numberOf(row, 'metric')),
      },
    ]
  })
}

/** `ip -j -4|-6 rule show`. Never throws. */
export function parseRules(text: string, family: Family): readonly Rule[] {
  return rowsOf(text).flatMap((row) => {
    const preference = numberOf(row, 'priority')
    if (preference === undefined) return []
    const first = numberOf(row, 'uid_start')
    const last = numberOf(row, 'uid_end')
    return [
      {
        ...{ family, preference },
        ...optional('table', textOf(row, 'table')),
        ...optional('action', textOf(row, 'action')),
        ...optional('from', selector(row, 'src', 'srclen', family)),
        ...optional('to', selector(row, 'dst', 'dstlen', family)),
        ...optional('device', textOf(row, 'iif')),
        ...optional('boundTo', textOf(row, 'oif')),
        ...(first !== undefined && last !== undefined && { uids: { first, last } }),
      },
    ]
  })
}

/** Address and length stand apart in rules; without a length it is one address. */
function selector(row: Fields, name: string, lengthName: string, family: Family) {
  const text = textOf(row, name)
  if (text === undefined || text === 'all') return undefined
  const length = numberOf(row, lengthName)
  return prefixOf(length === undefined ? text : `${text}/${length}`, family)
}

function prefixOf(text: string | undefined, family: Family): Prefix | undefined {
  const all = family === 4 ? '0.0.0.0/0' : '::/0'
  const parsed = parsePrefix(text === 'default' ? all : (text ?? ''))
  return parsed.ok ? parsed.value : undefined
}

function rowsOf(text: string): readonly Fields[] {
  try {
    return listOf(JSON.parse(text)).map(fieldsOf)
  } catch {
    return []
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  return typeof value === 'string' ? value : undefined
}

function numberOf(fields: Fields, name: string): number | undefined {
  const value = fields[name]
  return typeof value === 'number' ? value : undefined
}

function optional<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [_ in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [_ in Name]?: Value })
}
