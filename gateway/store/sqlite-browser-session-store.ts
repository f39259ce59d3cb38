/**
 * Logged-in browsers in SQLite. Written through at once: a revocation that was answered stands.
 */
import type { Database } from 'better-sqlite3'
import {
  type Columns,
  type Found,
  insertSql,
  type Parameters,
  parametersOf,
  rowOf,
  rowsOf,
  selectSql,
} from './sqlite-columns.ts'
import type { BrowserSession, Store } from './store.ts'

const COLUMNS: Columns<BrowserSession> = {
  idSha256: 'id_sha256',
  userId: 'user_id',
  login: 'login_json',
  createdAtMs: 'created_at_ms',
  expiresAtMs: 'expires_at_ms',
  revokedAtMs: 'revoked_at_ms',
}

/** The browser part of a store. */
export function sqliteBrowserSessions(db: Database, tenant: string): Store['browserSessions'] {
  const select = selectSql('browser_sessions', COLUMNS)
  const insert = db.prepare<Parameters>(insertSql('browser_sessions', COLUMNS))
  const get = db.prepare<Parameters, Found>(`${select} AND id_sha256 = @idSha256`)
  const revoke = db.prepare<Parameters>(
    `UPDATE browser_sessions SET revoked_at_ms = @atMs
     WHERE tenant = @tenant AND id_sha256 = @idSha256 AND revoked_at_ms IS NULL`,
  )
  const list = db.prepare<Parameters, Found>(
    `${select} AND (@beforeMs IS NULL OR created_at_ms < @beforeMs)
     ORDER BY created_at_ms DESC, id_sha256 DESC LIMIT @limit`,
  )
  const deleteExpired = db.prepare<Parameters>(
    'DELETE FROM browser_sessions WHERE tenant = @tenant AND expires_at_ms <= @nowMs',
  )
  return {
    insert(session) {
      insert.run(parametersOf(COLUMNS, tenant, session))
    },
    get: (idSha256) => rowOf(COLUMNS, get.get({ tenant, idSha256 })),
    revoke: (idSha256, atMs) => revoke.run({ tenant, idSha256, atMs }).changes === 1,
    list: ({ limit, beforeMs = null }) => rowsOf(COLUMNS, list.all({ tenant, limit, beforeMs })),
    deleteExpired(nowMs) {
      deleteExpired.run({ tenant, nowMs })
    },
  }
}
