/** Rows that an older gateway wrote are there after an upgrade, and mean what they meant. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import Database from 'better-sqlite3'
import { MIGRATIONS, migrationDigest } from '../../../gateway/store/migration-plan.ts'
import { openSqliteStore } from '../../../gateway/store/sqlite-store.ts'

/** Rows as they were written when the change of that number was the newest, one or more for each table it made. */
const ROWS: Readonly<Record<number, string>> = {
  1: `
    INSERT INTO users VALUES ('default', 'u1', 'idp', 's1', 'ann@x', 'Ann', '["g"]', 1111);
    INSERT INTO devices VALUES ('default', 'd1', 'u1', 'laptop', 'k1', 10, 2222, 3333, 4444, NULL);
    INSERT INTO devices VALUES ('default', 'd2', 'u1', 'old', 'k2', 10, 2223, NULL, NULL, 99);
    INSERT INTO enrolments VALUES ('default', 'dc', 'uc', 'k3', 'csr', 'n', '192.0.2.4', 9, 'approved', 'u1', NULL);
    INSERT INTO enrolments VALUES ('default', 'dc2', 'uc2', 'k4', 'csr', 'n', '192.0.2.4', 9, 'pending', NULL, NULL);
    INSERT INTO flows VALUES ('default', 'f1', 5, '{"id":"f1","openedAtMs":5}');
    INSERT INTO recordings VALUES
      ('default', 'r1', 'f1', 1, 2, 'ann@x', 'd1', 'root', 't:22', 'app', 'complete', 10, 'r1.rec');
    INSERT INTO policy_revisions VALUES ('default', 1, 'aa', 1, 'text');`,
  4: `
    INSERT INTO local_users VALUES ('default', 'l1', 'bob@x', 'Bob', '["g"]', '$scrypt$', NULL, 1, 7);
    INSERT INTO guesses VALUES ('default', 'g1', 3, 4, NULL);`,
  5: `INSERT INTO replays VALUES ('default', 'ab', 9);`,
  6: `
    INSERT INTO revocations VALUES ('default', 'user:u1', 8);
    INSERT INTO app_sessions VALUES ('default', 'a1', 'd1', 'u1', 'app', '{"atMs":3}', 4, 5, NULL);`,
  7: `INSERT INTO posture VALUES ('default', 'd1', '[]');`,
  8: `INSERT INTO browser_sessions VALUES ('default', 'b1', 'u1', '{"atMs":3}', 4, 5, NULL);`,
  9: `
    INSERT INTO service_tokens VALUES ('default', 't1', 'backup', 'ab', NULL, NULL, 1, 9, NULL, NULL, NULL);`,
  10: `
    INSERT INTO access_requests VALUES
      ('default', 'q1', 'purpose', 'u1', 'd1', 'app', 'p', 'why', 'approved', 1, 2, '[]', NULL, NULL, 9);`,
  12: `
    INSERT INTO audit_lines VALUES ('default', 0, '{}', NULL);
    INSERT INTO audit_nodes VALUES ('default', 0, 0, 'ab');`,
  13: `
    INSERT INTO ssh_authorities VALUES
      ('default', 'SHA256:a', 'user', 'ssh-ed25519 AAAA', '{"kind":"file","file":"a.key"}', 1, 2, 9);
    INSERT INTO ssh_revocations VALUES ('default', 'serial', '7', 3);
    INSERT INTO ssh_certificates VALUES
      ('default', '7', 'user', 'zt:ann@x:1', '["demo"]', 'SHA256:a', 'SHA256:k', 'u1', 'ann@x', 'd1', 3, 9);`,
  14: `
    INSERT INTO ssh_targets VALUES
      ('default', 'db1', 'db1.corp', '[22]', '{"env":"prod"}', 'default', '["k"]', '[]', 5);`,
  15: `
    INSERT INTO recordings VALUES
      ('default', 'r2', 'f1', 1, 2, 'ann@x', 'd1', 'root', 't:22', 'app', 'complete', 10, 'r2.rec', NULL, NULL, 'r1');`,
  16: `
    INSERT INTO dns_log VALUES
      ('default', 1, 5, 'u1', 'ann@x', 'd1', NULL, 'wiki.corp', 1, 'permit', 'name_within_reach', NULL, 1, 0, '10.0.0.53:53', 2);`,
  18: `
    INSERT INTO dns_log VALUES
      ('default', 2, 5, 'u1', 'ann@x', 'd1', NULL, 'www.corp', 1, 'denial', 'blocked_by_dns_rule', 'r', 1, 3, NULL, 2, 'ads.corp');`,
}
/** Columns that a later change turned into others. */
const REPLACED: readonly string[] = ['last_login_at_ms of devices']

type Row = Readonly<Record<string, unknown>>
type Tables = ReadonlyMap<string, readonly Row[]>

/** A database as the gateway left it whose newest change was this one. */
function writtenAt(t: ExecutionContext, version: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'zt-migrations-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'zt.db')
  const db = new Database(path)
  db.pragma('foreign_keys = ON')
  db.exec(`CREATE TABLE schema_migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_at_ms INTEGER NOT NULL
  ) STRICT`)
  const note = db.prepare('INSERT INTO schema_migrations VALUES (?, ?, ?, 1)')
  for (const migration of MIGRATIONS.slice(0, version)) {
    db.exec(migration.sql)
    note.run(migration.number, migration.name, migrationDigest(migration))
    db.exec(ROWS[migration.number] ?? '')
  }
  db.close()
  return path
}

function openStore(t: ExecutionContext, path: string) {
  const opened = openSqliteStore({
    path,
    now: () => 7,
    onWriteError: (error) => t.fail(`${error}`),
  })
  if (!opened.ok) throw new Error(opened.error.message)
  return opened.value
}

function tablesOf(path: string): Tables {
  const db = new Database(path, { readonly: true })
  const names = db
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    .pluck()
    .all()
    .filter((name) => name !== 'schema_migrations')
  const tables = new Map(
    names.map((name) => [name, db.prepare<[], Row>(`SELECT * FROM ${name} ORDER BY 1, 2`).all()]),
  )
  db.close()
  return tables
}

/** The rows with those columns alone that no later change replaced. */
function lasting(tables: Tables): Record<string, readonly Row[]> {
  const columns = (table: string, row: Row) =>
    Object.entries(row).filter(([name]) => !REPLACED.includes(`${name} of ${table}`))
  return Object.fromEntries(
    [...tables].map(([table, rows]) => [
      table,
      rows.map((row) => Object.fromEntries(columns(table, row))),
    ]),
  )
}

test('every table has rows that are carried through the changes after it', (t) => {
  for (const [table, rows] of tablesOf(writtenAt(t, MIGRATIONS.length))) {
    t.true(rows.length > 0, table)
  }
})

for (const { number, name } of MIGRATIONS) {
  test(`what was written at change ${number} (${name}) is there after an upgrade`, (t) => {
    const path = writtenAt(t, number)
    const before = lasting(tablesOf(path))
    openStore(t, path).close()
    const after = Object.fromEntries(tablesOf(path))
    t.like(after, before)
    for (const [table, rows] of Object.entries(before)) t.is(after[table]?.length, rows.length)
    const db = new Database(path)
    t.teardown(() => db.close())
    t.deepEqual(db.pragma('integrity_check', { simple: true }), 'ok')
    t.deepEqual(db.pragma('foreign_key_check'), [])
  })
}

test('what the first gateway wrote reads as it was meant', (t) => {
  const store = openStore(t, writtenAt(t, 1))
  t.teardown(() => store.close())
  t.like(store.users.get('u1'), { email: 'ann@x', groups: ['g'], claims: {}, lastLoginAtMs: 1111 })
  t.is(store.users.get('u1')?.disabledAtMs, undefined)
  t.like(store.devices.get('d1'), { login: { atMs: 2222 }, lastSeenAtMs: 3333 })
  t.like(store.devices.get('d2'), { login: { atMs: 2223 }, revokedAtMs: 99 })
  t.like(store.enrolments.byDeviceCode('dc'), { state: 'approved', userId: 'u1', login: undefined })
  t.is(store.flows.get('f1')?.openedAtMs, 5)
  t.like(store.recordings.get('r1'), { state: 'complete', parent: undefined })
  t.like(store.revisions.latest(), { revision: 1, text: 'text' })
})
