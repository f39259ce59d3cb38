/** Registered SSH targets in SQLite. Written through at once: a key that was withdrawn counts no more. */
import type { Database } from 'better-sqlite3'
import {
  type Columns,
  type Found,
  insertSql,
  type Parameters,
  parametersOf,
  rowsOf,
  selectSql,
} from './sqlite-columns.ts'
import type { Store, StoredTarget } from './store.ts'

const COLUMNS: Columns<StoredTarget> = {
  label: 'label',
  address: 'address',
  ports: 'ports_json',
  tags: 'tags_json',
  network: 'network',
  hostKeys: 'host_keys_json',
  hostAuthorities: 'host_authorities_json',
  registeredAtMs: 'registered_at_ms',
}

export function sqliteSshTargets(db: Database, tenant: string): Store['sshTargets'] {
  const put = db.prepare<Parameters>(insertSql('ssh_targets', COLUMNS, 'INSERT OR REPLACE'))
  const list = db.prepare<Parameters, Found>(`${selectSql('ssh_targets', COLUMNS)} ORDER BY label`)
  const remove = db.prepare<Parameters>(
    'DELETE FROM ssh_targets WHERE tenant = @tenant AND label = @label',
  )
  return {
    put: (target) => void put.run(parametersOf(COLUMNS, tenant, target)),
    list: () => rowsOf(COLUMNS, list.all({ tenant })),
    remove: (label) => remove.run({ tenant, label }).changes === 1,
  }
}
