/**
 * Flow records in SQLite. A flow is written three times in its life and there are many: records wait at
 * most a second and go in together. A reader sees what waits.
 */
import type { Database } from 'better-sqlite3'
import type { FlowRecord } from '../flow/flow-record.ts'
import { agedOf, type LookedAt } from './aged-rows.ts'
import type { Parameters } from './sqlite-columns.ts'
import type { Store } from './store.ts'
import { type WriteLaterOptions, writeLater } from './write-later-store.ts'

/** When waiting records are written. */
export type FlowBuffering = WriteLaterOptions & {
  /** Most records that wait; one more is written at once with the rest. */
  readonly flushRows: number
  /** Records kept while the disk refuses; above it `put` of a new flow throws, so that none opens unrecorded. */
  readonly keepRows: number
}

/** Loses at most half a second on kill -9; a transaction of 1,000 rows takes about 10 ms. */
export const DEFAULT_FLOW_BUFFERING: Omit<FlowBuffering, 'onWriteError'> = {
  flushAfterMs: 500,
  flushRows: 1000,
  keepRows: 50_000,
}

const AGED = `
  SELECT opened_at_ms AS atMs, id, ifnull(record_json ->> '$.closedAtMs', opened_at_ms) < @beforeMs AND NOT EXISTS (
    SELECT 1 FROM recordings WHERE recordings.tenant = flows.tenant AND flow_id = flows.id
  ) AS mayGo
  FROM flows WHERE tenant = @tenant AND opened_at_ms < @beforeMs AND (opened_at_ms, id) > (@afterMs, @afterId)
  ORDER BY opened_at_ms, id LIMIT @limit`

type Row = { readonly record: string }

/** The flow part of a store; `close` writes what waits and throws when that fails. */
export function sqliteFlows(
  db: Database,
  tenant: string,
  { flushRows, keepRows, ...options }: FlowBuffering,
): Store['flows'] & { close(): void } {
  const put = db.prepare<[string, string, number, string]>(
    `INSERT INTO flows (tenant, id, opened_at_ms, record_json) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET opened_at_ms = excluded.opened_at_ms, record_json = excluded.record_json`,
  )
  const get = db.prepare<[string, string], Row>(
    'SELECT record_json AS record FROM flows WHERE tenant = ? AND id = ?',
  )
  const list = db.prepare<[string, number, string, number], Row>(
    `SELECT record_json AS record FROM flows WHERE tenant = ? AND (opened_at_ms, id) < (?, ?)
     ORDER BY opened_at_ms DESC, id DESC LIMIT ?`,
  )
  const aged = db.prepare<Parameters, LookedAt<string>>(AGED)
  const removeOne = db.prepare<[string, string]>('DELETE FROM flows WHERE tenant = ? AND id = ?')
  const removeAll = db.transaction((ids: readonly string[]) => {
    for (const id of ids) removeOne.run(tenant, id)
  })
  const waiting = new Map<string, FlowRecord>()

  const writeAll = db.transaction(() => {
    for (const record of waiting.values()) {
      put.run(tenant, record.id, record.openedAtMs, JSON.stringify(record))
    }
  })

  const { flush, schedule, hurry, close } = writeLater(() => {
    if (waiting.size === 0) return
    writeAll.immediate()
    waiting.clear()
  }, options)

  return {
    close,
    put(record) {
      if (waiting.size >= keepRows && record.state === 'opened') {
        throw new Error('flow records cannot be written')
      }
      waiting.set(record.id, record)
      if (waiting.size >= flushRows) hurry()
      else schedule()
    },
    get: (id) => waiting.get(id) ?? parse(get.get(tenant, id)),
    list({ limit, beforeMs = Number.MAX_SAFE_INTEGER, beforeId = '' }) {
      flush()
      return list
        .all(tenant, beforeMs, beforeId, limit)
        .map((row) => JSON.parse(row.record) as FlowRecord)
    },
    aged({ beforeMs, limit, after }) {
      flush()
      const place = { afterMs: after?.atMs ?? -1, afterId: after?.id ?? '' }
      return agedOf(aged.all({ tenant, beforeMs, limit, ...place }), limit)
    },
    remove: (ids) => removeAll.immediate(ids),
  }
}

function parse(row: Row | undefined): FlowRecord | undefined {
  return row && (JSON.parse(row.record) as FlowRecord)
}
