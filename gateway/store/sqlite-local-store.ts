/**
 * The local directory and the guesses in SQLite. `zt-gateway users` writes here while the gateway runs.
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
import type { GuessCount, LocalUser, Store } from './store.ts'

const LOCAL_USER_COLUMNS: Columns<LocalUser> = {
  id: 'id',
  email: 'email',
  name: 'name',
  groups: 'groups_json',
  passwordHash: 'password_hash',
  temporaryUntilMs: 'temporary_until_ms',
  createdAtMs: 'created_at_ms',
  disabledAtMs: 'disabled_at_ms',
}

const GUESS_COLUMNS: Columns<GuessCount> = {
  failures: 'failures',
  lastAtMs: 'last_at_ms',
  succeededAtMs: 'succeeded_at_ms',
}

export function sqliteLocalUsers(db: Database, tenant: string): Store['localUsers'] {
  const select = selectSql('local_users', LOCAL_USER_COLUMNS)
  const insert = db.prepare<Parameters>(
    `${insertSql('local_users', LOCAL_USER_COLUMNS)} ON CONFLICT (tenant, email) DO NOTHING`,
  )
  const get = db.prepare<Parameters, Found>(`${select} AND id = @id`)
  const byEmail = db.prepare<Parameters, Found>(`${select} AND email = @email`)
  const list = db.prepare<Parameters, Found>(`${select} ORDER BY email`)
  const change = (sets: string, where = '') =>
    db.prepare<Parameters>(
      `UPDATE local_users SET ${sets} WHERE tenant = @tenant AND id = @id ${where}`,
    )
  const setPassword = change(
    'password_hash = @passwordHash, temporary_until_ms = @temporaryUntilMs',
    'AND password_hash = @fromHash',
  )
  const setGroups = change('groups_json = @groups')
  const setDisabled = change('disabled_at_ms = @atMs')
  const must = (id: string, changes: number): void => {
    if (changes !== 1) throw new Error(`no local user ${id}`)
  }
  return {
    insert: (user) => insert.run(parametersOf(LOCAL_USER_COLUMNS, tenant, user)).changes === 1,
    get: (id) => rowOf(LOCAL_USER_COLUMNS, get.get({ tenant, id })),
    byEmail: (email) => rowOf(LOCAL_USER_COLUMNS, byEmail.get({ tenant, email })),
    list: () => rowsOf(LOCAL_USER_COLUMNS, list.all({ tenant })),
    setPassword: (id, fromHash, { passwordHash, temporaryUntilMs = null }) =>
      setPassword.run({ tenant, id, fromHash, passwordHash, temporaryUntilMs }).changes === 1,
    setGroups: (id, groups) =>
      must(id, setGroups.run({ tenant, id, groups: JSON.stringify(groups) }).changes),
    setDisabled: (id, atMs) =>
      must(id, setDisabled.run({ tenant, id, atMs: atMs ?? null }).changes),
  }
}

export function sqliteGuesses(db: Database, tenant: string): Store['guesses'] {
  const get = db.prepare<Parameters, Found>(`${selectSql('guesses', GUESS_COLUMNS)} AND key = @key`)
  const count = db.prepare<Parameters>(
    `INSERT INTO guesses (tenant, key, failures, last_at_ms) VALUES (@tenant, @key, 1, @nowMs)
     ON CONFLICT (tenant, key) DO UPDATE SET failures = failures + 1, last_at_ms = @nowMs`,
  )
  const takeBack = db.prepare<Parameters>(
    'UPDATE guesses SET failures = max(0, failures - 1) WHERE tenant = @tenant AND key = @key',
  )
  const dropEmpty = db.prepare<Parameters>(
    `DELETE FROM guesses
     WHERE tenant = @tenant AND key = @key AND failures = 0 AND succeeded_at_ms IS NULL`,
  )
  const succeed = db.prepare<Parameters>(
    `INSERT OR REPLACE INTO guesses (tenant, key, failures, last_at_ms, succeeded_at_ms)
     VALUES (@tenant, @key, 0, @nowMs, @nowMs)`,
  )
  const forget = db.prepare<Parameters>(
    'DELETE FROM guesses WHERE tenant = @tenant AND last_at_ms < @beforeMs',
  )
  return {
    get: (key) => rowOf(GUESS_COLUMNS, get.get({ tenant, key })),
    count: (key, nowMs) => void count.run({ tenant, key, nowMs }),
    takeBack(key) {
      takeBack.run({ tenant, key })
      dropEmpty.run({ tenant, key })
    },
    succeed: (key, nowMs) => void succeed.run({ tenant, key, nowMs }),
    forget: (beforeMs) => void forget.run({ tenant, beforeMs }),
  }
}
