/**
 * Service tokens in SQLite. Written through at once: a token that was disabled stays so. Read for each flow of a
 * service, so they are kept while nobody writes.
 */
import type { Database } from 'better-sqlite3'
import type { ServiceToken } from '../service-token/service-token.ts'
import {
  assignments,
  type Columns,
  type Found,
  insertSql,
  type Parameters,
  parametersOf,
  rowOf,
  rowsOf,
  selectSql,
} from './sqlite-columns.ts'
import { createRowCache } from './sqlite-row-cache.ts'
import type { Store } from './store.ts'

const COLUMNS: Columns<ServiceToken> = {
  id: 'id',
  name: 'name',
  secretSha256: 'secret_sha256',
  previousSha256: 'previous_sha256',
  previousUntilMs: 'previous_until_ms',
  createdAtMs: 'created_at_ms',
  expiresAtMs: 'expires_at_ms',
  rotatedAtMs: 'rotated_at_ms',
  lastUsedAtMs: 'last_used_at_ms',
  disabledAtMs: 'disabled_at_ms',
}

export function sqliteServiceTokens(db: Database, tenant: string): Store['serviceTokens'] {
  const select = selectSql('service_tokens', COLUMNS)
  const insert = db.prepare<Parameters>(
    `${insertSql('service_tokens', COLUMNS)} ON CONFLICT (tenant, name) DO NOTHING`,
  )
  const replace = db.prepare<Parameters>(
    `UPDATE service_tokens SET ${assignments(COLUMNS, Object.keys(COLUMNS))}
     WHERE tenant = @tenant AND id = @id AND name = @name`,
  )
  const get = db.prepare<Parameters, Found>(`${select} AND id = @id`)
  const list = db.prepare<Parameters, Found>(`${select} ORDER BY name`)
  const cache = createRowCache(db, (id) => rowOf(COLUMNS, get.get({ tenant, id })))
  return {
    insert: (token) => insert.run(parametersOf(COLUMNS, tenant, token)).changes === 1,
    replace(token) {
      const { changes } = replace.run(parametersOf(COLUMNS, tenant, token))
      cache.clear()
      if (changes !== 1) throw new Error(`no service token ${token.id}`)
    },
    get: cache.get,
    list: () => rowsOf(COLUMNS, list.all({ tenant })),
  }
}
