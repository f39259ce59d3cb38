/**
 * The DNS log in SQLite. There are many questions: lines wait at most half a second and go in together, and where
 * there are too many, the devices with the most lose their oldest. A reader sees what waits.
 */
import type { Database } from 'better-sqlite3'
import type { NumberedLine } from '../dns/dns-log-line.ts'
import { surplusLines } from '../dns/fair-room.ts'
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
  alias: 'alias',
  revision: 'revision',
  rcode: 'rcode',
  resolver: 'resolver',
  durationMs: 'duration_ms',
}

/** Lines that wait while the disk refuses; above it the oldest are lost. */
const MOST_WAITING = 10_000

const COUNT = 'SELECT device_id AS deviceId, count(*) AS lines FROM dns_log WHERE tenant = @tenant'
type LineCount = { readonly deviceId: string; readonly lines: number }

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
  const drop = db.prepare<Parameters>(`
    DELETE FROM dns_log WHERE sequence IN (
      SELECT sequence FROM dns_log WHERE tenant = @tenant AND device_id = @deviceId
      ORDER BY sequence LIMIT @count)`)
  const dropOld = db.prepare<Parameters>(
    'DELETE FROM dns_log WHERE tenant = @tenant AND at_ms < @beforeMs',
  )
  const countOld = db.prepare<Parameters, LineCount>(
    `${COUNT} AND at_ms < @beforeMs GROUP BY device_id`,
  )
  const countAll = db.prepare<Parameters, LineCount>(`${COUNT} GROUP BY device_id`)
  let waiting: Parameters[] = []
  /** Lines of each device as last written. Counted once: that reads all there are. */
  let counts: ReadonlyMap<string, number> | undefined

  const writeAll = db.transaction(() => {
    const now = new Map(counts ?? countAll.all({ tenant }).map(toEntry))
    for (const line of waiting) {
      insert.run(line)
      add(now, String(line['deviceId']), 1)
    }
    const beforeMs = Number(waiting.at(-1)?.['atMs']) - keeps.ms
    for (const { deviceId, lines } of countOld.all({ tenant, beforeMs })) add(now, deviceId, -lines)
    dropOld.run({ tenant, beforeMs })
    for (const [deviceId, count] of surplusLines(now, keeps.lines)) {
      drop.run({ tenant, deviceId, count })
      add(now, deviceId, -count)
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
