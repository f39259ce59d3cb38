/**
 * The DNS log in SQLite. There are many questions: lines wait at most half a second and go in together, and where
 * there are too many, the devices with the most lose their oldest. A reader sees what waits.
 */
import type { Database } from 'better-sqlite3'
import type { NumberedLine } from '../dns/dns-log-line.ts'
import { surplusLines } from '../dns/fair-room.ts'
import { agedOf, type LookedAt } from './aged-rows.ts'
import {
  type Columns,
  type Found,
  insertSql,
  type Parameters,
  parametersOf,
  rowsOf,
  selectSql,
} from './sqlite-columns.ts'
import { DNS_LOG_LINES, type Store } from './store.ts'
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
  alias: 'alias',
  revision: 'revision',
  rcode: 'rcode',
  resolver: 'resolver',
  durationMs: 'duration_ms',
}

/** Lines that wait while the disk refuses; above it the oldest are lost. */
const MOST_WAITING = 10_000

type LineCount = { readonly deviceId: string; readonly lines: number }

/** The DNS log of a store; `close` writes what waits and throws when that fails. */
export function sqliteDnsLog(
  db: Database,
  tenant: string,
  options: WriteLaterOptions,
  mostLines = DNS_LOG_LINES,
): Store['dnsLog'] & { close(): void } {
  const insert = db.prepare<Parameters>(insertSql('dns_log', COLUMNS))
  const list = db.prepare<Parameters, Found>(
    `${selectSql('dns_log', COLUMNS)} AND sequence < @before ORDER BY sequence DESC LIMIT @limit`,
  )
  const drop = db.prepare<Parameters>(`
    DELETE FROM dns_log WHERE sequence IN (
      SELECT sequence FROM dns_log WHERE tenant = @tenant AND device_id = @deviceId
      ORDER BY sequence LIMIT @count)`)
  const countAll = db.prepare<Parameters, LineCount>(
    `SELECT device_id AS deviceId, count(*) AS lines FROM dns_log WHERE tenant = @tenant GROUP BY device_id`,
  )
  const aged = db.prepare<Parameters, LookedAt<number>>(`
    SELECT at_ms AS atMs, sequence AS id, 1 AS mayGo FROM dns_log
    WHERE tenant = @tenant AND at_ms < @beforeMs AND (at_ms, sequence) > (@afterMs, @afterId)
    ORDER BY at_ms, sequence LIMIT @limit`)
  const removeOne = db
    .prepare<Parameters, string>(
      'DELETE FROM dns_log WHERE tenant = @tenant AND sequence = @id RETURNING device_id',
    )
    .pluck()
  let waiting: Parameters[] = []
  /** Lines of each device as last written. Counted once: that reads all there are. */
  let counts: ReadonlyMap<string, number> | undefined

  const writeAll = db.transaction(() => {
    const now = new Map(counts ?? countAll.all({ tenant }).map(toEntry))
    for (const line of waiting) {
      insert.run(line)
      add(now, String(line['deviceId']), 1)
    }
    for (const [deviceId, count] of surplusLines(now, mostLines)) {
      drop.run({ tenant, deviceId, count })
      add(now, deviceId, -count)
    }
    return now
  })

  const removeAll = db.transaction((ids: readonly number[]) => {
    const now = counts && new Map(counts)
    for (const id of ids) {
      const deviceId = removeOne.get({ tenant, id })
      if (now && deviceId !== undefined) add(now, deviceId, -1)
    }
    return now
  })

  const { flush, schedule, close } = writeLater(() => {
    if (waiting.length === 0) return
    counts = writeAll.immediate()
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
    aged({ beforeMs, limit, after }) {
      flush()
      const place = { afterMs: after?.atMs ?? -1, afterId: after?.id ?? 0 }
      return agedOf(aged.all({ tenant, beforeMs, limit, ...place }), limit)
    },
    remove(ids) {
      counts = removeAll.immediate(ids)
    },
  }
}

function toEntry({ deviceId, lines }: LineCount): [string, number] {
  return [deviceId, lines]
}

function add(counts: Map<string, number>, deviceId: string, lines: number): void {
  const now = (counts.get(deviceId) ?? 0) + lines
  if (now === 0) counts.delete(deviceId)
  else counts.set(deviceId, now)
}
