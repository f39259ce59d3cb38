import test from 'ava'
import Database from 'better-sqlite3'
import { MIGRATIONS } from '../../../gateway/store/migration-plan.ts'
import { sqliteAccessRequests } from '../../../gateway/store/sqlite-access-request-store.ts'
import { sqliteDnsLog } from '../../../gateway/store/sqlite-dns-log-store.ts'
import { DEFAULT_FLOW_BUFFERING, sqliteFlows } from '../../../gateway/store/sqlite-flow-store.ts'
import { sqliteRecordings } from '../../../gateway/store/sqlite-history-store.ts'
import { sqliteUsers } from '../../../gateway/store/sqlite-identity-store.ts'
import { sqliteAppSessions } from '../../../gateway/store/sqlite-session-store.ts'

const BUFFERING = { ...DEFAULT_FLOW_BUFFERING, onWriteError: () => undefined }

/** How SQLite carries out the one statement that a question to the store runs. */
function planOf(ask: (db: Database.Database) => unknown): readonly unknown[] {
  const statements: unknown[] = []
  const db = new Database(':memory:', { verbose: (sql) => statements.push(sql) })
  for (const { sql } of MIGRATIONS) db.exec(sql)
  statements.length = 0
  ask(db)
  const plan = db.prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${statements.at(-1)}`).all()
  db.close()
  return plan.map(({ detail }) => detail)
}

const searches: Record<string, [(db: Database.Database) => unknown, string]> = {
  'the requests of a user': [
    (db) => sqliteAccessRequests(db, 'default').ofUser('u1'),
    'access_requests USING INDEX access_requests_by_user (tenant=? AND user_id=?)',
  ],
  'recordings inside a session': [
    (db) => sqliteRecordings(db, 'default').list({ limit: 1, parent: 'r1' }),
    'recordings USING INDEX recordings_by_parent (tenant=? AND parent=? AND started_at_ms<?)',
  ],
  'old flows': [
    (db) => sqliteFlows(db, 'default', BUFFERING).aged({ beforeMs: 2, limit: 1 }),
    'flows USING INDEX flows_by_time (tenant=? AND (opened_at_ms,id)>(?,?) AND opened_at_ms<?)',
  ],
  'old lines of the DNS log': [
    (db) => sqliteDnsLog(db, 'default', BUFFERING).aged({ beforeMs: 2, limit: 1 }),
    'dns_log USING COVERING INDEX dns_log_by_time (tenant=? AND at_ms>? AND at_ms<?)',
  ],
  'the users of an address': [
    (db) => sqliteUsers(db, 'default').byEmail('ann@example.com'),
    'users USING INDEX users_by_email (tenant=? AND email=?)',
  ],
  'application sessions that are not used any more': [
    (db) => sqliteAppSessions(db, 'default').deleteUnused(1),
    'app_sessions USING INDEX app_sessions_by_use (tenant=? AND last_used_at_ms<?)',
  ],
}
for (const [title, [ask, index]] of Object.entries(searches)) {
  test(`${title} are found without reading those of others`, (t) => {
    t.is(planOf(ask)[0], `SEARCH ${index}`)
  })
}
