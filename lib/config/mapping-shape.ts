/**
 * Shapes of what holds other values: mappings with known keys, mappings with free keys, lists.
 */
import { didYouMean, type Mistake, type Path, quote } from '#lib/config/mistake'
import {
  type Decoded,
  type Field,
  type Fields,
  isMapping,
  mistake,
  type Shape,
} from '#lib/config/shape'

/** The value of a mapping with these fields. */
export type ValueOf<F extends Fields> = {
  readonly [K in keyof F as F[K]['need'] extends 'required' ? K : never]: FieldValue<F[K]>
} & {
  readonly [K in keyof F as F[K]['need'] extends 'required' ? never : K]?: FieldValue<F[K]>
}
type FieldValue<F> = F extends Field<infer T> ? T : never

/** A key that must be written. */
export function required<T>(shape: Shape<T>, about: string): Field<T, 'required'> {
  return { shape, need: 'required', about }
}

/** A key that may be left out. */
export function optional<T>(shape: Shape<T>, about: string): Field<T, 'optional'> {
  return { shape, need: 'optional', about }
}

/** A key with a default. `text` shows the default in the reference. */
export function defaulted<T>(
  shape: Shape<T>,
  about: string,
  value: T,
  text = quote(value),
): Field<T, 'required'> {
  return { shape, need: 'required', about, fallback: { value, text } }
}

/** A mapping with known keys; any other key is a mistake (T92). */
export function mapping<F extends Fields>(fields: F, kind = 'a mapping'): Shape<ValueOf<F>> {
  const decode = (value: unknown, path: Path): Decoded<ValueOf<F>> => {
    if (!isMapping(value)) return mistake(path, `${quote(value)} is not ${kind}`)
    const mistakes: Mistake[] = unknownKeys(value, Object.keys(fields), path)
    const entries: [string, unknown][] = []
    let complete = true
    for (const [key, field] of Object.entries(fields)) {
      const decoded = decodeField(value, key, field, path)
      mistakes.push(...decoded.mistakes)
      if (decoded.value !== undefined) entries.push([key, decoded.value])
      else if (field.need === 'required' || decoded.mistakes.length > 0) complete = false
    }
    return complete ? { value: Object.fromEntries(entries) as ValueOf<F>, mistakes } : { mistakes }
  }
  return { kind, decode, fields }
}

/** A list; entries that could be decoded are kept beside the mistakes of the others. */
export function list<T>(
  entry: Shape<T>,
  { kind = 'a list', min = 0 }: { readonly kind?: string; readonly min?: number } = {},
): Shape<readonly T[]> {
  const decode = (value: unknown, path: Path): Decoded<readonly T[]> => {
    if (!Array.isArray(value)) return mistake(path, `${quote(value)} is not ${kind}`)
    if (value.length < min) return mistake(path, 'the list is empty; at least one entry is needed')
    const decoded = value.map((one: unknown, index) => entry.decode(one, [...path, index]))
    return {
      value: decoded.flatMap((one) => (one.value === undefined ? [] : [one.value])),
      mistakes: decoded.flatMap((one) => one.mistakes),
    }
  }
  return { kind, decode, entries: entry }
}

/** A mapping with free keys. */
export function dictionary<K extends string, T>(
  key: Shape<K>,
  entry: Shape<T>,
  kind: string,
): Shape<ReadonlyMap<K, T>> {
  const decode = (value: unknown, path: Path): Decoded<ReadonlyMap<K, T>> => {
    if (!isMapping(value)) return mistake(path, `${quote(value)} is not ${kind}`)
    const mistakes: Mistake[] = []
    const entries = new Map<K, T>()
    for (const [name, one] of Object.entries(value)) {
      const names = key.decode(name, [...path, name])
      const decoded = entry.decode(one, [...path, name])
      mistakes.push(...names.mistakes, ...decoded.mistakes)
      if (names.value !== undefined && decoded.value !== undefined) {
        entries.set(names.value, decoded.value)
      }
    }
    return { value: entries, mistakes }
  }
  return { kind, decode, entries: entry }
}

function decodeField(
  value: Readonly<Record<string, unknown>>,
  key: string,
  field: Field<unknown>,
  path: Path,
): Decoded<unknown> {
  const written = Object.hasOwn(value, key) ? value[key] : undefined
  // A key with nothing behind it reads as null: the writer meant to leave it out or forgot the value.
  if (written !== undefined && written !== null) return field.shape.decode(written, [...path, key])
  if (field.fallback !== undefined) return { value: field.fallback.value, mistakes: [] }
  if (field.need === 'optional') return { mistakes: [] }
  return mistake(path, `"${key}" is missing; it is ${field.shape.kind}`)
}

function unknownKeys(
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: Path,
): Mistake[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const hint = didYouMean(key, known) || `; known here: ${known.join(', ')}`
      return { path: [...path, key], message: `unknown key${hint}` }
    })
}
