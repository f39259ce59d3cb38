/**
 * Which schema changes a store still needs. Forward only: a store that is ahead of this program, or whose
 * history differs from this program's, is refused and left as it is.
 */
import { createHash } from 'node:crypto'
import { err, ok, type Result } from '#lib/result'
import { FIRST_TABLES } from './migrations/0001-first-tables.ts'
import { DEVICES_BY_KEY } from './migrations/0002-devices-by-key.ts'
import { LOGIN_CONTEXT } from './migrations/0003-login-context.ts'
import { LOCAL_USERS } from './migrations/0004-local-users.ts'
import { REPLAYS } from './migrations/0005-replays.ts'
import { SESSIONS } from './migrations/0006-sessions.ts'
import { POSTURE } from './migrations/0007-posture.ts'
import { BROWSER_SESSIONS } from './migrations/0008-browser-sessions.ts'
import { SERVICE_TOKENS } from './migrations/0009-service-tokens.ts'
import { ACCESS_REQUESTS } from './migrations/0010-access-requests.ts'
import { APP_SESSIONS_BY_USE } from './migrations/0011-app-sessions-by-use.ts'
import { AUDIT_LOG } from './migrations/0012-audit-log.ts'
import { SSH_AUTHORITIES } from './migrations/0013-ssh-authorities.ts'
import { SSH_TARGETS } from './migrations/0014-ssh-targets.ts'
import { NESTED_RECORDINGS } from './migrations/0015-nested-recordings.ts'
import { DNS_LOG } from './migrations/0016-dns-log.ts'
import { DNS_LOG_OWNERS } from './migrations/0017-dns-log-owners.ts'
import { DNS_LOG_ALIAS } from './migrations/0018-dns-log-alias.ts'
import { RECORDINGS_BY_FLOW } from './migrations/0019-recordings-by-flow.ts'

/** One numbered change of the schema. */
export type Migration = { readonly number: number; readonly name: string; readonly sql: string }

/** A change that a store has been through. */
export type AppliedMigration = {
  readonly number: number
  readonly name: string
  /** SHA-256 of the SQL text, hex. */
  readonly sha256: string
}

/** Why a store is not opened; `message` names the remedy. */
export type SchemaRefusal = {
  readonly reason: 'schema_newer' | 'schema_differs'
  readonly message: string
}

/** Every change, oldest first, numbered from 1 without a gap. */
export const MIGRATIONS: readonly Migration[] = [
  { number: 1, name: 'first-tables', sql: FIRST_TABLES },
  { number: 2, name: 'devices-by-key', sql: DEVICES_BY_KEY },
  { number: 3, name: 'login-context', sql: LOGIN_CONTEXT },
  { number: 4, name: 'local-users', sql: LOCAL_USERS },
  { number: 5, name: 'replays', sql: REPLAYS },
  { number: 6, name: 'sessions', sql: SESSIONS },
  { number: 7, name: 'posture', sql: POSTURE },
  { number: 8, name: 'browser-sessions', sql: BROWSER_SESSIONS },
  { number: 9, name: 'service-tokens', sql: SERVICE_TOKENS },
  { number: 10, name: 'access-requests', sql: ACCESS_REQUESTS },
  { number: 11, name: 'app-sessions-by-use', sql: APP_SESSIONS_BY_USE },
  { number: 12, name: 'audit-log', sql: AUDIT_LOG },
  { number: 13, name: 'ssh-authorities', sql: SSH_AUTHORITIES },
  { number: 14, name: 'ssh-targets', sql: SSH_TARGETS },
  { number: 15, name: 'nested-recordings', sql: NESTED_RECORDINGS },
  { number: 16, name: 'dns-log', sql: DNS_LOG },
  { number: 17, name: 'dns-log-owners', sql: DNS_LOG_OWNERS },
  { number: 18, name: 'dns-log-alias', sql: DNS_LOG_ALIAS },
  { number: 19, name: 'recordings-by-flow', sql: RECORDINGS_BY_FLOW },
]

/** Digest that a store keeps of a change. */
export function migrationDigest({ sql }: Migration): string {
  return createHash('sha256').update(sql).digest('hex')
}

/**
 * @param known what this program knows, numbered from 1 without a gap.
 * @param applied what the store says it has been through, in order.
 * @returns what is still to do, in order.
 */
export function planMigrations(
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
): Result<readonly Migration[], SchemaRefusal> {
  for (const [index, one] of applied.entries()) {
    const migration = known[index]
    if (migration === undefined) return err(newer(one, known.length))
    if (migration.number !== one.number || migrationDigest(migration) !== one.sha256) {
      return err(differs(one))
    }
  }
  return ok(known.slice(applied.length))
}

function newer({ number, name }: AppliedMigration, known: number): SchemaRefusal {
  return {
    reason: 'schema_newer',
    message: `The store has schema change ${number} (${name}), this program knows ${known}. Start the newer zt-gateway, or restore a backup made before the upgrade.`,
  }
}

function differs({ number, name }: AppliedMigration): SchemaRefusal {
  return {
    reason: 'schema_differs',
    message: `Schema change ${number} (${name}) of the store is not the one this program knows by that number: its checksum differs. Start the zt-gateway that made this store, or restore a backup.`,
  }
}
