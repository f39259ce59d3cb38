/**
 * Patterns in which `*` stands for any text of harmless characters. Whole texts match, in time linear in the text.
 */

/** @param harmful what no `*` stands for. */
export function matchesPattern(
  pattern: string,
  text: string,
  harmful: Pick<RegExp, 'test'>,
): boolean {
  const [first = '', ...pieces] = pattern.split('*')
  const last = pieces.pop()
  if (last === undefined) return text === first
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  const end = text.length - last.length
  const gaps: string[] = []
  let at = first.length
  for (const piece of pieces) {
    // The leftmost place is right: a later one has a longer gap before it, which holds all of the shorter one.
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    gaps.push(text.slice(at, found))
    at = found + piece.length
  }
  if (at > end) return false
  return ![...gaps, text.slice(at, end)].some((gap) => harmful.test(gap))
}
