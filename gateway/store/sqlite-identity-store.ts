/**
 * Users, devices and enrolments in SQLite. Written through at once: a revocation that was answered stands.
 */
import { randomUUID } from 'node:crypto'
import type { Database } from 'better-sqlite3'
import {
  assignments,
  DEVICE_COLUMNS,
  ENROLMENT_COLUMNS,
  insertSql,
  type Parameters,
  parametersOf,
  selectSql,
  withoutNulls,
} from './sqlite-columns.ts'
import type { Device, Enrolment, Store, User } from './store.ts'

type UserRow = Omit<User, 'groups'> & { readonly groupsJson: string }

const SELECT_USER = `SELECT id, provider, provider_subject AS providerSubject, email, name,
  groups_json AS groupsJson, last_login_at_ms AS lastLoginAtMs FROM users WHERE tenant = @tenant`

/** The user part of a store. */
export function sqliteUsers(db: Database, tenant: string): Store['users'] {
  const upsert = db.prepare<Parameters, { readonly id: string }>(
    `INSERT INTO users (tenant, id, provider, provider_subject, email, name, groups_json, last_login_at_ms)
     VALUES (@tenant, @id, @provider, @providerSubject, @email, @name, @groupsJson, @lastLoginAtMs)
     ON CONFLICT (tenant, provider, provider_subject) DO UPDATE SET email = excluded.email,
       name = excluded.name, groups_json = excluded.groups_json, last_login_at_ms = excluded.last_login_at_ms
     RETURNING id`,
  )
  const get = db.prepare<Parameters, UserRow>(`${SELECT_USER} AND id = @id`)
  return {
    upsert(login) {
      const { groups, ...plain } = login
      const row = { ...plain, tenant, id: randomUUID(), groupsJson: JSON.stringify(groups) }
      const stored = upsert.get(row)
      if (stored === undefined) throw new Error('the user was not stored')
      return { ...login, id: stored.id }
    },
    get(id) {
      const row = get.get({ tenant, id })
      if (row === undefined) return undefined
      const { groupsJson, ...user } = row
      return { ...user, groups: JSON.parse(groupsJson) as string[] }
    },
  }
}

/** The device part of a store. */
export function sqliteDevices(db: Database, tenant: string): Store['devices'] {
  const select = selectSql('devices', DEVICE_COLUMNS)
  const insert = db.prepare<Parameters>(insertSql('devices', DEVICE_COLUMNS))
  const get = db.prepare<Parameters, Device>(`${select} AND id = @id`)
  const byKey = db.prepare<Parameters, Device>(
    `${select} AND key_sha256 = @keySha256 ORDER BY rowid LIMIT 1`,
  )
  const list = db.prepare<Parameters, Device>(`${select} ORDER BY rowid`)
  return {
    insert(device) {
      insert.run(parametersOf(DEVICE_COLUMNS, tenant, device))
    },
    get(id) {
      const row = get.get({ tenant, id })
      return row && withoutNulls(row)
    },
    byKey(keySha256) {
      const row = byKey.get({ tenant, keySha256 })
      return row && withoutNulls(row)
    },
    list: () => list.all({ tenant }).map(withoutNulls),
    update(id, change) {
      const sets = assignments(DEVICE_COLUMNS, Object.keys(change)) || 'id = id'
      const sql = `UPDATE devices SET ${sets} WHERE tenant = @tenant AND id = @id`
      const { changes } = db.prepare<object>(sql).run({ ...change, tenant, id })
      if (changes !== 1) throw new Error(`no device ${id}`)
    },
  }
}

/** The enrolment part of a store. */
export function sqliteEnrolments(db: Database, tenant: string): Store['enrolments'] {
  const select = selectSql('enrolments', ENROLMENT_COLUMNS)
  const insert = db.prepare<Parameters>(insertSql('enrolments', ENROLMENT_COLUMNS))
  const byDeviceCode = db.prepare<Parameters, Enrolment>(
    `${select} AND device_code_sha256 = @sha256`,
  )
  const byUserCode = db.prepare<Parameters, Enrolment>(`${select} AND user_code_sha256 = @sha256`)
  const move = db.prepare<Parameters>(
    `UPDATE enrolments SET state = @to, user_id = coalesce(@userId, user_id)
     WHERE tenant = @tenant AND device_code_sha256 = @sha256 AND state = @from`,
  )
  const deleteExpired = db.prepare<Parameters>(
    'DELETE FROM enrolments WHERE tenant = @tenant AND expires_at_ms <= @nowMs',
  )
  const found = (row: Enrolment | undefined) => row && withoutNulls(row)
  return {
    insert(enrolment) {
      insert.run(parametersOf(ENROLMENT_COLUMNS, tenant, enrolment))
    },
    byDeviceCode: (sha256) => found(byDeviceCode.get({ tenant, sha256 })),
    byUserCode: (sha256) => found(byUserCode.get({ tenant, sha256 })),
    move: (sha256, from, to, userId) =>
      move.run({ tenant, sha256, from, to, userId: userId ?? null }).changes === 1,
    deleteExpired(nowMs) {
      deleteExpired.run({ tenant, nowMs })
    },
  }
}
