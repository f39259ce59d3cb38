/**
 * Users, devices and enrolments in SQLite. Written through at once: a revocation that was answered stands.
 * Users and devices are read for each flow, so they are kept while nobody writes.
 */
import { randomUUID } from 'node:crypto'
import type { Database } from 'better-sqlite3'
import {
  assignments,
  changesOf,
  DEVICE_COLUMNS,
  ENROLMENT_COLUMNS,
  type Found,
  insertSql,
  namedColumns,
  type Parameters,
  parametersOf,
  rowOf,
  rowsOf,
  selectSql,
  USER_COLUMNS,
} from './sqlite-columns.ts'
import { createRowCache } from './sqlite-row-cache.ts'
import type { Store, User } from './store.ts'

/** The user part of a store. */
export function sqliteUsers(db: Database, tenant: string): Store['users'] {
  const described = ['email', 'name', 'groups', 'claims', 'lastLoginAtMs'] satisfies (keyof User)[]
  const upsert = db.prepare<Parameters, Found>(
    `${insertSql('users', USER_COLUMNS)} ON CONFLICT (tenant, provider, provider_subject)
     DO UPDATE SET ${assignments(USER_COLUMNS, described)} RETURNING ${namedColumns(USER_COLUMNS)}`,
  )
  const get = db.prepare<Parameters, Found>(`${selectSql('users', USER_COLUMNS)} AND id = @id`)
  const byEmail = db.prepare<Parameters, Found>(
    // Left to itself SQLite takes the index that spares it the sorting, and reads everybody.
    `${selectSql('users INDEXED BY users_by_email', USER_COLUMNS)} AND email = @email ORDER BY id`,
  )
  const cache = createRowCache(db, (id) => rowOf(USER_COLUMNS, get.get({ tenant, id })))
  const refresh = db.prepare<Parameters, Found>(
    `UPDATE users SET ${assignments(USER_COLUMNS, ['groups', 'disabledAtMs'])}
     WHERE tenant = @tenant AND provider = @provider AND provider_subject = @providerSubject
     RETURNING ${namedColumns(USER_COLUMNS)}`,
  )
  return {
    upsert({ login, ...identity }) {
      const user = { ...identity, id: randomUUID(), lastLoginAtMs: login.atMs }
      const stored = rowOf(USER_COLUMNS, upsert.get(parametersOf(USER_COLUMNS, tenant, user)))
      cache.clear()
      if (stored === undefined) throw new Error('the user was not stored')
      return stored
    },
    get: cache.get,
    refresh(provider, providerSubject, { groups, disabledAtMs = null }) {
      const change = { groups: JSON.stringify(groups), disabledAtMs }
      const stored = refresh.get({ tenant, provider, providerSubject, ...change })
      cache.clear()
      return rowOf(USER_COLUMNS, stored)
    },
    byEmail: (email) => rowsOf(USER_COLUMNS, byEmail.all({ tenant, email })),
  }
}

/** The device part of a store. */
export function sqliteDevices(db: Database, tenant: string): Store['devices'] {
  const select = selectSql('devices', DEVICE_COLUMNS)
  const insert = db.prepare<Parameters>(insertSql('devices', DEVICE_COLUMNS))
  const get = db.prepare<Parameters, Found>(`${select} AND id = @id`)
  const byKey = db.prepare<Parameters, Found>(
    `${select} AND key_sha256 = @keySha256 ORDER BY rowid LIMIT 1`,
  )
  const list = db.prepare<Parameters, Found>(`${select} ORDER BY rowid`)
  const cache = createRowCache(db, (id) => rowOf(DEVICE_COLUMNS, get.get({ tenant, id })))
  return {
    insert(device) {
      insert.run(parametersOf(DEVICE_COLUMNS, tenant, device))
      cache.clear()
    },
    get: cache.get,
    byKey: (keySha256) => rowOf(DEVICE_COLUMNS, byKey.get({ tenant, keySha256 })),
    list: () => rowsOf(DEVICE_COLUMNS, list.all({ tenant })),
    update(id, change) {
      const sets = assignments(DEVICE_COLUMNS, Object.keys(change)) || 'id = id'
      const sql = `UPDATE devices SET ${sets} WHERE tenant = @tenant AND id = @id`
      const values = { ...changesOf(DEVICE_COLUMNS, change), tenant, id }
      const { changes } = db.prepare<object>(sql).run(values)
      cache.clear()
      if (changes !== 1) throw new Error(`no device ${id}`)
    },
  }
}

/** The enrolment part of a store. */
export function sqliteEnrolments(db: Database, tenant: string): Store['enrolments'] {
  const select = selectSql('enrolments', ENROLMENT_COLUMNS)
  const insert = db.prepare<Parameters>(insertSql('enrolments', ENROLMENT_COLUMNS))
  const byDeviceCode = db.prepare<Parameters, Found>(`${select} AND device_code_sha256 = @sha256`)
  const byUserCode = db.prepare<Parameters, Found>(`${select} AND user_code_sha256 = @sha256`)
  const move = db.prepare<Parameters>(
    `UPDATE enrolments SET state = @to, user_id = coalesce(@userId, user_id),
       login_json = coalesce(@login, login_json)
     WHERE tenant = @tenant AND device_code_sha256 = @sha256 AND state = @from`,
  )
  const deleteExpired = db.prepare<Parameters>(
    'DELETE FROM enrolments WHERE tenant = @tenant AND expires_at_ms <= @nowMs',
  )
  return {
    insert(enrolment) {
      insert.run(parametersOf(ENROLMENT_COLUMNS, tenant, enrolment))
    },
    byDeviceCode: (sha256) => rowOf(ENROLMENT_COLUMNS, byDeviceCode.get({ tenant, sha256 })),
    byUserCode: (sha256) => rowOf(ENROLMENT_COLUMNS, byUserCode.get({ tenant, sha256 })),
    move(sha256, from, to, approval = {}) {
      const none = { userId: null, login: null }
      const approved = { ...none, ...changesOf(ENROLMENT_COLUMNS, approval) }
      return move.run({ tenant, sha256, from, to, ...approved }).changes === 1
    },
    deleteExpired(nowMs) {
      deleteExpired.run({ tenant, nowMs })
    },
  }
}
