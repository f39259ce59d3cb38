/**
 * Truth with three values. What is not known admits nobody and excuses nobody (T95).
 */

export type Truth = 'yes' | 'no' | 'unknown'

/** Whether any holds. */
export function or(a: Truth, b: Truth): Truth {
  if (a === 'yes' || b === 'yes') return 'yes'
  return a === 'unknown' || b === 'unknown' ? 'unknown' : 'no'
}

/** A yes or no that is known. */
export function truth(value: boolean): Truth {
  return value ? 'yes' : 'no'
}

/** Values that are looked for. Most selectors name one, for which a set would be slow and large. */
export type ValueSet = string | ReadonlySet<string>

export function valueSet(values: readonly string[]): ValueSet {
  const [only] = values
  return only !== undefined && values.length === 1 ? only : new Set(values)
}

/** Whether an attribute with one or several values has one of these. */
export function isAmong(
  values: ValueSet,
  attribute: string | readonly string[] | undefined,
): Truth {
  if (attribute === undefined) return 'unknown'
  if (typeof values === 'string') {
    return truth(typeof attribute === 'string' ? attribute === values : attribute.includes(values))
  }
  if (typeof attribute === 'string') return truth(values.has(attribute))
  for (const one of attribute) if (values.has(one)) return 'yes'
  return 'no'
}
