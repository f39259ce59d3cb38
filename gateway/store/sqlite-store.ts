/**
 * The embedded store: one SQLite file in write-ahead-log mode, readable by its owner only.
 * Written through (`synchronous = FULL`) but for what is written often, which waits up to half a second.
 */
import { closeSync, openSync } from 'node:fs'
import Database from 'better-sqlite3'
import { ok, type Result } from '#lib/result'
import {
  type AppliedMigration,
  MIGRATIONS,
  type Migration,
  migrationDigest,
  planMigrations,
  type SchemaRefusal,
} from './migration-plan.ts'
import { sqliteAccessRequests } from './sqlite-access-request-store.ts'
import { sqliteAudit } from './sqlite-audit-store.ts'
import { sqliteBrowserSessions } from './sqlite-browser-session-store.ts'
import { sqliteDnsLog } from './sqlite-dns-log-store.ts'
import { DEFAULT_FLOW_BUFFERING, type FlowBuffering, sqliteFlows } from './sqlite-flow-store.ts'
import { sqliteRecordings, sqliteRevisions } from './sqlite-history-store.ts'
import { sqliteDevices, sqliteEnrolments, sqliteUsers } from './sqlite-identity-store.ts'
import { sqliteGuesses, sqliteLocalUsers } from './sqlite-local-store.ts'
import { sqlitePosture } from './sqlite-posture-store.ts'
import { sqliteReplays } from './sqlite-replay-store.ts'
import { sqliteServiceTokens } from './sqlite-service-token-store.ts'
import { sqliteAppSessions, sqliteRevocations } from './sqlite-session-store.ts'
import { sqliteSshCa } from './sqlite-ssh-ca-store.ts'
import { sqliteSshTargets } from './sqlite-ssh-target-store.ts'
import type { Store } from './store.ts'

/** Owner of every row until one gateway serves several organisations. */
const ONLY_TENANT = 'default'

/** How long a writer waits for another process's transaction, ms. */
const BUSY_TIMEOUT_MS = 5000

export type SqliteOptions = {
  /** The database file; made with mode 0600 when absent. */
  readonly path: string
  /** Unix milliseconds, for the history of schema changes. */
  readonly now: () => number
  /** Told when flow records could not be written; they are kept and tried again. */
  readonly onWriteError: (error: unknown) => void
  readonly buffering?: Partial<Omit<FlowBuffering, 'onWriteError'>>
  /** Schema changes to know; tests pass others. */
  readonly migrations?: readonly Migration[]
}

/**
 * Opens the store and brings its schema up to date, all changes or none.
 * @returns the store, or why its schema is refused; the file is then unchanged.
 * @throws {Error} when the file cannot be opened or is no database.
 */
export function openSqliteStore(options: SqliteOptions): Result<Store, SchemaRefusal> {
  closeSync(openSync(options.path, 'a', 0o600))
  const db = new Database(options.path, { timeout: BUSY_TIMEOUT_MS })
  try {
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('foreign_keys = ON')
    const migrated = migrate(db, options)
    if (migrated.ok) return ok(assemble(db, options))
    db.close()
    return migrated
  } catch (error) {
    db.close()
    throw error
  }
}

function migrate(
  db: Database.Database,
  { now, migrations = MIGRATIONS }: SqliteOptions,
): Result<void, SchemaRefusal> {
  db.exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_at_ms INTEGER NOT NULL
  ) STRICT`)
  const history = db.prepare<[], AppliedMigration>(
    'SELECT number, name, sha256 FROM schema_migrations ORDER BY number',
  )
  const note = db.prepare('INSERT INTO schema_migrations VALUES (?, ?, ?, ?)')
  const apply = db.transaction(() => {
    // Read inside the transaction: another gateway may be starting on the same file.
    const plan = planMigrations(migrations, history.all())
    if (!plan.ok) return plan
    for (const migration of plan.value) {
      db.exec(migration.sql)
      note.run(migration.number, migration.name, migrationDigest(migration), now())
    }
    return ok(undefined)
  })
  return apply.immediate()
}

function assemble(db: Database.Database, { buffering, onWriteError }: SqliteOptions): Store {
  const flows = sqliteFlows(db, ONLY_TENANT, {
    ...DEFAULT_FLOW_BUFFERING,
    ...buffering,
    onWriteError,
  })
  const { flushAfterMs } = { ...DEFAULT_FLOW_BUFFERING, ...buffering }
  const posture = sqlitePosture(db, ONLY_TENANT, { flushAfterMs, onWriteError })
  const dnsLog = sqliteDnsLog(db, ONLY_TENANT, { flushAfterMs, onWriteError })
  // Prepared: asked with every flow.
  const version = db.prepare<[], number>('PRAGMA data_version').pluck()
  return {
    users: sqliteUsers(db, ONLY_TENANT),
    localUsers: sqliteLocalUsers(db, ONLY_TENANT),
    guesses: sqliteGuesses(db, ONLY_TENANT),
    devices: sqliteDevices(db, ONLY_TENANT),
    serviceTokens: sqliteServiceTokens(db, ONLY_TENANT),
    sshTargets: sqliteSshTargets(db, ONLY_TENANT),
    enrolments: sqliteEnrolments(db, ONLY_TENANT),
    replays: sqliteReplays(db, ONLY_TENANT),
    browserSessions: sqliteBrowserSessions(db, ONLY_TENANT),
    flows,
    posture,
    dnsLog,
    recordings: sqliteRecordings(db, ONLY_TENANT),
    revocations: sqliteRevocations(db, ONLY_TENANT),
    accessRequests: sqliteAccessRequests(db, ONLY_TENANT),
    appSessions: sqliteAppSessions(db, ONLY_TENANT),
    sshCa: sqliteSshCa(db, ONLY_TENANT),
    revisions: sqliteRevisions(db, ONLY_TENANT),
    audit: sqliteAudit(db, ONLY_TENANT),
    foreignVersion: () => Number(version.get()),
    close() {
      if (!db.open) return
      closeAll([flows, posture, dnsLog, db])
    },
  }
}

/** Closes each, though one before it could not write; throws when any could not. */
function closeAll(parts: readonly { close(): unknown }[]): void {
  const [first, ...rest] = parts
  if (first === undefined) return
  try {
    first.close()
  } finally {
    closeAll(rest)
  }
}
