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
  /** Shapes of the kinds that a mapping comes in, by name. */
  readonly variants?: Readonly<Record<string, Shape<unknown>>>
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

/** A switch. */
export const flag: Shape<boolean> = {
  kind: 'true or false',
  decode: (value, path) =>
    typeof value === 'boolean'
      ? { value, mistakes: [] }
      : mistake(path, `${quote(value)} is not true or false`),
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
