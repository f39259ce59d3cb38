/**
 * Shapes of mappings that come in several kinds, told apart by one key.
 */
import { type Path, quote } from '#lib/config/mistake'
import { type Decoded, isMapping, mistake, oneOf, type Shape } from '#lib/config/shape'

type Variants = Readonly<Record<string, Shape<object>>>
type ValueOfAny<V extends Variants> = {
  readonly [K in keyof V]: V[K] extends Shape<infer T> ? T : never
}[keyof V]

/**
 * A mapping of one of several kinds.
 * @param key which key names the kind; every variant has it as a field of its own.
 * @param variants the shape of each kind, by its name.
 */
export function variant<V extends Variants>(
  key: string,
  variants: V,
  kind: string,
): Shape<ValueOfAny<V>> {
  const names = oneOf(...Object.keys(variants))
  const decode = (value: unknown, path: Path): Decoded<ValueOfAny<V>> => {
    if (!isMapping(value)) return mistake(path, `${quote(value)} is not ${kind}`)
    const written = Object.hasOwn(value, key) ? value[key] : undefined
    if (written === undefined || written === null) {
      return mistake(path, `"${key}" is missing; it is ${names.kind}`)
    }
    const named = names.decode(written, [...path, key])
    if (named.value === undefined) return { mistakes: named.mistakes }
    return variants[named.value]?.decode(value, path) as Decoded<ValueOfAny<V>>
  }
  return { kind, decode, variants }
}
