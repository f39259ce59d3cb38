/**
 * The DNS log in SQLite. There are many questions: lines wait at most half a second and go in together, and the oldest
 * make room. A reader sees what waits.
 */
import type { Database } from 'better-sqlite3'
import type { NumberedLine } from '../dns/dns-log-line.ts'
import {
  type Columns,
  type Found,
  insertSql,
  type Parameters,
  parametersOf,
  rowsOf,
  selectSql,
} from './sqlite-columns.ts'
import { DNS_LOG_KEEPS, type Store } from './store.ts'
import { type WriteLaterOptions, writeLater } from './write-later-store.ts'

const COLUMNS: Columns<NumberedLine> = {
  sequence: 'sequence',
  atMs: 'at_ms',
  userId: 'user_id',
  email: 'email',
  deviceId: 'device_id',
  service: 'service',
  name: 'name',
  type: 'type',
  verdict: 'verdict',
  reason: 'reason',
  rule: 'rule',
  revision: 'revision',
  rcode: 'rcode',
  resolver: 'resolver',
  durationMs: 'duration_ms',
}

/** Lines that wait while the disk refuses; above it the oldest are lost. */
const MOST_WAITING = 10_000

/** The DNS log of a store; `close` writes what waits and throws when that fails. */
export function sqliteDnsLog(
  db: Database,
  tenant: string,
  options: WriteLaterOptions,
  keeps = DNS_LOG_KEEPS,
): Store['dnsLog'] & { close(): void } {
  const insert = db.prepare<Parameters>(insertSql('dns_log', COLUMNS))
  const list = db.prepare<Parameters, Found>(
    `${selectSql('dns_log', COLUMNS)} AND sequence < @before ORDER BY sequence DESC LIMIT @limit`,
  )
  const tooMany = db.prepare<Parameters>(
    'DELETE FROM dns_log WHERE tenant = @tenant AND sequence <= @sequence',
  )
  const tooOld = db.prepare<Parameters>(
    'DELETE FROM dns_log WHERE tenant = @tenant AND at_ms < @beforeMs',
  )
  let waiting: Parameters[] = []

  const writeAll = db.transaction(() => {
    let newest = 0
    for (const line of waiting) newest = Number(insert.run(line).lastInsertRowid)
    const beforeMs = Number(waiting.at(-1)?.['atMs']) - keeps.ms
    tooMany.run({ tenant, sequence: newest - keeps.lines })
    tooOld.run({ tenant, beforeMs })
  })

  const { flush, schedule, close } = writeLater(() => {
    if (waiting.length === 0) return
    writeAll.immediate()
    waiting = []
  }, options)

  return {
    close,
    add(line) {
      waiting.push(parametersOf<Partial<NumberedLine>>(COLUMNS, tenant, line))
      if (waiting.length > MOST_WAITING) waiting.shift()
      schedule()
    },
    list({ limit, before = Number.MAX_SAFE_INTEGER }) {
      flush()
      return rowsOf(COLUMNS, list.all({ tenant, before, limit }))
    },
  }
}
