/**
 * Rows by id, kept in memory as long as nothing was written: asked for with every flow, and changed seldom.
 * Writes of other processes are noticed too, so that a row is never older than its table.
 */
import type { Database } from 'better-sqlite3'

export interface RowCache<Row> {
  get(id: string): Row | undefined
  /** Forgets every row: to be called after each write of our own. */
  clear(): void
}

/** @param read asks the database; an absent row is not remembered. */
export function createRowCache<Row>(
  db: Database,
  read: (id: string) => Row | undefined,
): RowCache<Row> {
  // Changes when another connection has committed (SQLite, PRAGMA data_version); our own writes leave it as it is.
  const version = db.prepare<[], number>('PRAGMA data_version').pluck()
  const rows = new Map<string, Row>()
  let rowsOf: number | undefined
  return {
    get(id) {
      const now = version.get()
      if (now !== rowsOf) rows.clear()
      rowsOf = now
      const row = rows.get(id) ?? read(id)
      if (row !== undefined) rows.set(id, row)
      return row
    },
    clear: () => rows.clear(),
  }
}
