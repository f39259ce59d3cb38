/**
 * Posture in SQLite. Every device reports again and again, mostly the same: reports wait at most half a second and go
 * in together. A reader sees what waits; what a crash loses is reported anew when the device comes back.
 */
import type { Database } from 'better-sqlite3'
import type { TimedObservation } from '../policy/judge-posture.ts'
import type { Store } from './store.ts'

export type PostureBuffering = {
  /** Longest wait, ms. */
  readonly flushAfterMs: number
  /** Told when reports could not be written; they are kept and tried again. */
  readonly onWriteError: (error: unknown) => void
}

/** The posture part of a store; `flush` writes what waits and throws when that fails. */
export function sqlitePosture(
  db: Database,
  tenant: string,
  { flushAfterMs, onWriteError }: PostureBuffering,
): Store['posture'] & { flush(): void } {
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
  let timer: NodeJS.Timeout | undefined

  const writeAll = db.transaction(() => {
    for (const deviceId of waiting) {
      put.run(tenant, deviceId, JSON.stringify(known.get(deviceId) ?? []))
    }
  })

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (waiting.size === 0) return
    writeAll.immediate()
    waiting.clear()
  }

  function schedule(): void {
    timer ??= setTimeout(() => {
      try {
        flush()
      } catch (error) {
        onWriteError(error)
        schedule()
      }
    }, flushAfterMs).unref()
  }

  function read(deviceId: string): readonly TimedObservation[] {
    const row = select.get(tenant, deviceId)
    const observations = row ? (JSON.parse(row.observations) as TimedObservation[]) : []
    known.set(deviceId, observations)
    return observations
  }

  return {
    flush,
    get: (deviceId) => known.get(deviceId) ?? read(deviceId),
    put(deviceId, observations) {
      known.set(deviceId, observations)
      waiting.add(deviceId)
      schedule()
    },
  }
}
