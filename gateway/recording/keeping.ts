/** How long recordings are kept: what may be held, erased, and what has to go. Pure. */
import type { RecordingRow } from '../store/store.ts'

export type KeepingRefusal =
  | 'recording_unknown'
  | 'recording_erased'
  | 'recording_held'
  | 'recording_not_held'
  | 'recording_open'
  /** It could not be overwritten, and is still there. */
  | 'recording_not_erased'

export type KeepingVerb = 'hold' | 'release' | 'shred'

/** Why a verb does not apply to a recording; undefined when it does. */
export function objectionTo(
  verb: KeepingVerb,
  row: RecordingRow | undefined,
): KeepingRefusal | undefined {
  if (row === undefined) return 'recording_unknown'
  if (row.erased !== undefined) return 'recording_erased'
  if (verb === 'hold') return row.hold && 'recording_held'
  if (verb === 'release') return row.hold ? undefined : 'recording_not_held'
  if (row.hold !== undefined) return 'recording_held'
  return row.state === 'open' ? 'recording_open' : undefined
}

/** Whether it has been kept long enough: a hold, or a session that goes on, keeps it. */
export function hasExpired(row: RecordingRow, endedBeforeMs: number): boolean {
  return (
    objectionTo('shred', row) === undefined && (row.endedAtMs ?? row.startedAtMs) < endedBeforeMs
  )
}
