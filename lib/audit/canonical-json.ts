/**
 * JSON in exactly one spelling, in printable ASCII: what is hashed cannot be written in two ways, and no value can begin a
 * line or reach a terminal as a control sequence.
 */

export type JsonValue =
  | string
  | number
  | boolean
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

/**
 * Keys sorted by code unit, no white space, everything outside printable ASCII as `\uXXXX`.
 * @throws {RangeError} for a number that is no safe integer: it could be spelt otherwise elsewhere.
 */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === 'string') return ascii(value)
  if (typeof value === 'number') return integer(value)
  if (typeof value === 'boolean') return String(value)
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([key, member]) => `${ascii(key)}:${canonicalJson(member)}`).join(',')}}`
}

/** `Array.isArray` does not narrow readonly arrays. */
function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function integer(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError('only whole numbers have one spelling')
  return String(value === 0 ? 0 : value)
}

function ascii(text: string): string {
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
