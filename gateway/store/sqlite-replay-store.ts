/**
 * What has been used once, in SQLite. Written through at once: what was used stays used after a crash.
 */
import { createHash } from 'node:crypto'
import type { Database } from 'better-sqlite3'
import type { Parameters } from './sqlite-columns.ts'
import type { Store } from './store.ts'

/** The replay part of a store. */
export function sqliteReplays(db: Database, tenant: string): Store['replays'] {
  const forget = db.prepare<Parameters>(
    'DELETE FROM replays WHERE tenant = @tenant AND expires_at_ms <= @nowMs',
  )
  const note = db.prepare<Parameters>(
    `INSERT INTO replays (tenant, key_sha256, expires_at_ms) VALUES (@tenant, @keySha256, @expiresAtMs)
     ON CONFLICT DO NOTHING`,
  )
  return {
    take(key, expiresAtMs, nowMs) {
      forget.run({ tenant, nowMs })
      const keySha256 = createHash('sha256').update(key).digest('hex')
      return note.run({ tenant, keySha256, expiresAtMs }).changes === 1
    },
  }
}
