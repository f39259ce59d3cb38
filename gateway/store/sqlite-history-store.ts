/**
 * What is kept to look back on, in SQLite: which recordings there are, and each policy as it was imported.
 */
import type { Database } from 'better-sqlite3'
import {
  type Found,
  insertSql,
  type Parameters,
  parametersOf,
  RECORDING_COLUMNS,
  rowOf,
  rowsOf,
  selectSql,
} from './sqlite-columns.ts'
import type { Store } from './store.ts'

/** The list of recordings of a store. */
export function sqliteRecordings(db: Database, tenant: string): Store['recordings'] {
  const select = selectSql('recordings', RECORDING_COLUMNS)
  const put = db.prepare<Parameters>(
    insertSql('recordings', RECORDING_COLUMNS, 'INSERT OR REPLACE'),
  )
  const get = db.prepare<Parameters, Found>(`${select} AND id = @id`)
  const listOf = (which: string) =>
    db.prepare<Parameters, Found>(
      `${select} ${which} AND started_at_ms < @beforeMs ORDER BY started_at_ms DESC, id DESC LIMIT @limit`,
    )
  const all = listOf('')
  const outermost = listOf('AND parent IS NULL')
  const inside = listOf('AND parent = @parent')
  return {
    put(row) {
      put.run(parametersOf(RECORDING_COLUMNS, tenant, row))
    },
    get: (id) => rowOf(RECORDING_COLUMNS, get.get({ tenant, id })),
    list({ limit, parent, beforeMs = Number.MAX_SAFE_INTEGER }) {
      const page = { tenant, beforeMs, limit }
      if (parent === undefined) return rowsOf(RECORDING_COLUMNS, all.all(page))
      if (parent === null) return rowsOf(RECORDING_COLUMNS, outermost.all(page))
      return rowsOf(RECORDING_COLUMNS, inside.all({ ...page, parent }))
    },
  }
}

type RevisionRow = { readonly revision: number; readonly text: string; readonly sha256: string }

/** The policy revisions of a store. */
export function sqliteRevisions(db: Database, tenant: string): Store['revisions'] {
  const newest = db.prepare<[string], RevisionRow>(
    `SELECT revision, text, sha256 FROM policy_revisions WHERE tenant = ?
     ORDER BY revision DESC LIMIT 1`,
  )
  const insert = db.prepare<[string, number, string, number, string]>(
    `INSERT INTO policy_revisions (tenant, revision, sha256, imported_at_ms, text) VALUES (?, ?, ?, ?, ?)`,
  )
  const add = db.transaction((text: string, sha256: string, atMs: number) => {
    const row = newest.get(tenant)
    if (row?.sha256 === sha256) return row.revision
    const revision = (row?.revision ?? 0) + 1
    insert.run(tenant, revision, sha256, atMs, text)
    return revision
  })
  return {
    add: (text, sha256, atMs) => add.immediate(text, sha256, atMs),
    latest() {
      const row = newest.get(tenant)
      return row && { revision: row.revision, text: row.text }
    },
  }
}
