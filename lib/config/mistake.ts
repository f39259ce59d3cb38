/**
 * Mistakes in what a person wrote: where, what, and what to do about it.
 */

/** Keys and list positions from the top of a document. */
export type Path = readonly (string | number)[]

/** One mistake. The message names the value, and where it can, the remedy. */
export type Mistake = {
  readonly path: Path
  readonly message: string
}

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/

/** `policy.applications[0].name`, odd keys quoted: `hosts["a.b"]`; the top itself is `(top)`. */
export function formatPath(path: Path): string {
  const text = path.map((step) =>
    typeof step === 'string' && PLAIN_KEY.test(step) ? `.${step}` : `[${quote(step)}]`,
  )
  return path.length === 0 ? '(top)' : text.join('').replace(/^\./, '')
}

/** A value as a message shows it: on one line, at most 60 characters, control characters escaped. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return printable(text.length > 60 ? `${text.slice(0, 59)}…` : text)
}

/** The known word that `word` was probably meant to be. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.round(word.length * 0.4))
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(word.slice(0, 64), candidate) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
  return ranked[0]?.candidate
}

/** `; did you mean "x"?`, or nothing when no known word is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const found = nearest(word, known)
  return found === undefined ? '' : `; did you mean "${found}"?`
}

function printable(text: string): string {
  return text.replace(/\p{C}/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`)
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    previous = row
  }
  return previous[b.length] ?? 0
}
