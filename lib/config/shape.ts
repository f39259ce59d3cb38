/**
 * Shapes: what a value in a configuration may be, as data. A shape decodes a value, reports every mistake in it, and
 * describes itself, so that the reference page is generated from the same table that decodes.
 */
import { didYouMean, type Mistake, type Path, quote } from '#lib/config/mistake'

/** The outcome of decoding. A value may be there beside mistakes: what could be read of a list, for further checks. */
export type Decoded<T> = { readonly value?: T; readonly mistakes: readonly Mistake[] }

/** Decodes one kind of value. `decode` never throws. */
export type Shape<T> = {
  /** What it is, for people: `a duration such as 30m`. */
  readonly kind: string
  readonly decode: (value: unknown, path: Path) => Decoded<T>
  /** Keys of a mapping. */
  readonly fields?: Fields
  /** Shape of the entries of a list, or of the values of a mapping with free keys. */
  readonly entries?: Shape<unknown>
}

/** One key of a mapping. */
export type Field<T, Need extends 'required' | 'optional' = 'required' | 'optional'> = {
  readonly shape: Shape<T>
  readonly need: Need
  /** One sentence for the reference. */
  readonly about: string
  /** Used when the key is absent; makes the key optional to write and present to read. */
  readonly fallback?: { readonly value: T; readonly text: string }
}

export type Fields = Readonly<Record<string, Field<unknown>>>

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

/** A text that `parse` reads; `parse` gives the value, or a sentence about what is wrong with the text. */
export function text<T>(
  kind: string,
  parse: (text: string) => { readonly value: T } | { readonly wrong: string },
): Shape<T> {
  const decode = (value: unknown, path: Path): Decoded<T> => {
    if (typeof value !== 'string') return mistake(path, `${quote(value)} is not ${kind}`)
    const parsed = parse(value)
    return 'wrong' in parsed ? mistake(path, parsed.wrong) : { value: parsed.value, mistakes: [] }
  }
  return { kind, decode }
}

/** One of a few words. */
export function oneOf<const W extends string>(...words: readonly W[]): Shape<W> {
  const kind = words.length === 1 ? `"${words[0]}"` : `one of ${words.join(', ')}`
  return text(kind, (value) => {
    const word = words.find((one) => one === value)
    if (word !== undefined) return { value: word }
    return { wrong: `${quote(value)} is not ${kind}${didYouMean(value, words)}` }
  })
}

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): Shape<number> {
  const kind = `a whole number from ${min} to ${max}`
  const decode = (value: unknown, path: Path): Decoded<number> => {
    const fits = typeof value === 'number' && Number.isSafeInteger(value)
    return fits && value >= min && value <= max
      ? { value, mistakes: [] }
      : mistake(path, `${quote(value)} is not ${kind}`)
  }
  return { kind, decode }
}

/** The same shape with its value turned into another; `turn` cannot fail. */
export function mapped<T, U>(shape: Shape<T>, turn: (value: T) => U): Shape<U> {
  const decode = (value: unknown, path: Path): Decoded<U> => {
    const decoded = shape.decode(value, path)
    if (decoded.value === undefined) return { mistakes: decoded.mistakes }
    return { value: turn(decoded.value), mistakes: decoded.mistakes }
  }
  return { ...shape, decode }
}

/** The same shape with checks over the whole value. */
export function checked<T>(
  shape: Shape<T>,
  check: (value: T, path: Path) => readonly Mistake[],
): Shape<T> {
  const decode = (value: unknown, path: Path): Decoded<T> => {
    const decoded = shape.decode(value, path)
    if (decoded.value === undefined) return decoded
    return { ...decoded, mistakes: [...decoded.mistakes, ...check(decoded.value, path)] }
  }
  return { ...shape, decode }
}

/** An outcome without a value. */
export function mistake(path: Path, message: string): { readonly mistakes: readonly Mistake[] } {
  return { mistakes: [{ path, message }] }
}

/** Whether a value is a mapping, as YAML and JSON have them. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
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
