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

/** Whether an attribute with one or several values has one of these. */
export function isAmong(
  values: ReadonlySet<string>,
  attribute: string | readonly string[] | undefined,
): Truth {
  if (attribute === undefined) return 'unknown'
  if (typeof attribute === 'string') return truth(values.has(attribute))
  for (const one of attribute) if (values.has(one)) return 'yes'
  return 'no'
}
