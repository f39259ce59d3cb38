/**
 * Application sessions and revocations in SQLite. Written through at once: a revocation that was answered stands.
 */
import type { Database } from 'better-sqlite3'
import {
  APP_SESSION_COLUMNS,
  type Found,
  insertSql,
  type Parameters,
  parametersOf,
  REVOCATION_COLUMNS,
  rowOf,
  rowsOf,
  selectSql,
} from './sqlite-columns.ts'
import type { Store } from './store.ts'

export function sqliteRevocations(db: Database, tenant: string): Store['revocations'] {
  const put = db.prepare<Parameters>(
    insertSql('revocations', REVOCATION_COLUMNS, 'INSERT OR REPLACE'),
  )
  const list = db.prepare<Parameters, Found>(selectSql('revocations', REVOCATION_COLUMNS))
  return {
    put(revocation) {
      put.run(parametersOf(REVOCATION_COLUMNS, tenant, revocation))
    },
    list: () => rowsOf(REVOCATION_COLUMNS, list.all({ tenant })),
  }
}

export function sqliteAppSessions(db: Database, tenant: string): Store['appSessions'] {
  const select = selectSql('app_sessions', APP_SESSION_COLUMNS)
  const put = db.prepare<Parameters>(
    insertSql('app_sessions', APP_SESSION_COLUMNS, 'INSERT OR REPLACE'),
  )
  const get = db.prepare<Parameters, Found>(`${select} AND id = @id`)
  const list = db.prepare<Parameters, Found>(
    `${select} AND (@application IS NULL OR application = @application)
     ORDER BY started_at_ms DESC, id DESC`,
  )
  const deleteUnused = db.prepare<Parameters>(
    'DELETE FROM app_sessions WHERE tenant = @tenant AND last_used_at_ms < @sinceMs',
  )
  return {
    put(session) {
      put.run(parametersOf(APP_SESSION_COLUMNS, tenant, session))
    },
    get: (id) => rowOf(APP_SESSION_COLUMNS, get.get({ tenant, id })),
    list({ application = null }) {
      return rowsOf(APP_SESSION_COLUMNS, list.all({ tenant, application }))
    },
    deleteUnused(sinceMs) {
      deleteUnused.run({ tenant, sinceMs })
    },
  }
}
