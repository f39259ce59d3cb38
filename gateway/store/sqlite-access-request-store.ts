/** Requests for temporary access in SQLite. Written through at once: an approval that was answered stands. */
import type { Database } from 'better-sqlite3'
import {
  ACCESS_REQUEST_COLUMNS,
  type Found,
  insertSql,
  type Parameters,
  parametersOf,
  rowOf,
  rowsOf,
  selectSql,
} from './sqlite-columns.ts'
import type { Store } from './store.ts'

export function sqliteAccessRequests(db: Database, tenant: string): Store['accessRequests'] {
  const columns = ACCESS_REQUEST_COLUMNS
  const select = selectSql('access_requests', columns)
  const put = db.prepare<Parameters>(insertSql('access_requests', columns, 'INSERT OR REPLACE'))
  const get = db.prepare<Parameters, Found>(`${select} AND id = @id`)
  // Left to itself SQLite takes the index that spares it the sorting, and reads what everybody asked for.
  const selectOfUser = selectSql('access_requests INDEXED BY access_requests_by_user', columns)
  const ofUser = db.prepare<Parameters, Found>(
    `${selectOfUser} AND user_id = @userId ORDER BY requested_at_ms DESC, id DESC`,
  )
  const list = db.prepare<Parameters, Found>(
    `${select} AND requested_at_ms < @beforeMs ORDER BY requested_at_ms DESC, id DESC LIMIT @limit`,
  )
  return {
    put(request) {
      put.run(parametersOf(columns, tenant, request))
    },
    get: (id) => rowOf(columns, get.get({ tenant, id })),
    ofUser: (userId) => rowsOf(columns, ofUser.all({ tenant, userId })),
    list: ({ limit, beforeMs = Number.MAX_SAFE_INTEGER }) =>
      rowsOf(columns, list.all({ tenant, beforeMs, limit })),
  }
}
