/** Pages of old rows: what the stores have in common. */
import type { Aged, AgedPage, AgedPlace } from './store.ts'

/** A row that was looked at, and whether it may go; SQLite has no truth values. */
export type LookedAt<Id> = AgedPlace<Id> & { readonly mayGo: boolean | 0 | 1 }

/** @param looked every row that was looked at, oldest first, at most `limit`. */
export function agedOf<Id>(looked: readonly LookedAt<Id>[], limit: number): Aged<Id> {
  const ids = looked.filter(({ mayGo }) => mayGo).map(({ id }) => id)
  const last = looked.length < limit ? undefined : looked.at(-1)
  return last === undefined ? { ids } : { ids, next: { atMs: last.atMs, id: last.id } }
}

/** A page of rows that are all at hand, in whatever order. */
export function agedAmong<Id extends string | number>(
  rows: readonly LookedAt<Id>[],
  { beforeMs, limit, after }: AgedPage<Id>,
): Aged<Id> {
  const looked = rows
    .filter((row) => row.atMs < beforeMs && (after === undefined || order(row, after) > 0))
    .sort(order)
    .slice(0, limit)
  return agedOf(looked, limit)
}

function order<Id extends string | number>(a: AgedPlace<Id>, b: AgedPlace<Id>): number {
  if (a.atMs !== b.atMs) return a.atMs - b.atMs
  if (a.id === b.id) return 0
  return a.id < b.id ? -1 : 1
}
