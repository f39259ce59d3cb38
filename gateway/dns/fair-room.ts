/** Room in a bounded log, shared by those who fill it: who has many lines loses its oldest, others lose none. */

/**
 * What each owner has too much of, so that at most `most` lines stay: all keep as many as fit for each, and who has
 * fewer keeps all.
 * @param counts lines of each owner; only those who lose some are in the result.
 */
export function surplusLines(
  counts: ReadonlyMap<string, number>,
  most: number,
): ReadonlyMap<string, number> {
  const level = levelOf([...counts.values()], most)
  const above = [...counts].filter(([, count]) => count > level)
  return new Map(above.map(([owner, count]) => [owner, count - level]))
}

/** The most lines that everybody may have: what small owners leave is shared by the large ones. */
function levelOf(counts: readonly number[], most: number): number {
  let room = most
  let owners = counts.length
  for (const count of counts.toSorted((a, b) => a - b)) {
    const level = Math.floor(room / owners)
    if (count > level) return level
    room -= count
    owners -= 1
  }
  return Number.POSITIVE_INFINITY
}
