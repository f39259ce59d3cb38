/**
 * Posture in SQLite. Every device reports again and again, mostly the same: reports wait at most half a second and go
 * in together. A reader sees what waits; what a crash loses is reported anew when the device comes back.
 */
import type { Database } from 'better-sqlite3'
import type { TimedObservation } from '../policy/judge-posture.ts'
import type { Store } from './store.ts'
import { type WriteLaterOptions, writeLater } from './write-later-store.ts'

/** The posture part of a store; `close` writes what waits and throws when that fails. */
export function sqlitePosture(
  db: Database,
  tenant: string,
  options: WriteLaterOptions,
): Store['posture'] & { close(): void } {
  const put = db.prepare<[string, string, string]>(
    `INSERT INTO posture (tenant, device_id, observations_json) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET observations_json = excluded.observations_json`,
  )
  const select = db.prepare<[string, string], { readonly observations: string }>(
    'SELECT observations_json AS observations FROM posture WHERE tenant = ? AND device_id = ?',
  )
  /** Asked for with every flow: what was read or reported once stays. */
  const known = new Map<string, readonly TimedObservation[]>()
  const waiting = new Set<string>()

  const writeAll = db.transaction(() => {
    for (const deviceId of waiting) {
      put.run(tenant, deviceId, JSON.stringify(known.get(deviceId) ?? []))
    }
  })

  const { schedule, close } = writeLater(() => {
    if (waiting.size === 0) return
    writeAll.immediate()
    waiting.clear()
  }, options)

  function read(deviceId: string): readonly TimedObservation[] {
    const row = select.get(tenant, deviceId)
    const observations = row ? (JSON.parse(row.observations) as TimedObservation[]) : []
    known.set(deviceId, observations)
    return observations
  }

  return {
    close,
    get: (deviceId) => known.get(deviceId) ?? read(deviceId),
    put(deviceId, observations) {
      known.set(deviceId, observations)
      waiting.add(deviceId)
      schedule()
    },
  }
}
