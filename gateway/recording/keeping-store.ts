/**
 * Legal hold, shredding and expiry of recordings. Everything is in the audit log before it is done.
 */
import type { AuditFacts } from '#lib/audit/audit-entry'
import type { Log } from '#lib/log'
import type { EvidenceSigner } from '#lib/recording/evidence-signature'
import { err, ok, type Result } from '#lib/result'
import type { AuditLog } from '../audit/audit-log-store.ts'
import type { RecordingRow, Store } from '../store/store.ts'
import { leaveStatement } from './erasure-statement-store.ts'
import { hasExpired, type KeepingRefusal, objectionTo } from './keeping.ts'
import { boundTo } from './recording-audit.ts'
import type { RecordingFolder } from './recording-folder-store.ts'

export type KeepingOptions = {
  readonly folder: RecordingFolder
  readonly rows: Store['recordings']
  readonly audit: Pick<AuditLog, 'note'>
  readonly signer: EvidenceSigner
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/** Why, and from where, for the audit log. */
export type KeepingOrder = { readonly reason: string; readonly source?: string }

type Kept = Result<RecordingRow, KeepingRefusal>

export interface Keeping {
  /** It is neither shredded nor does it expire until it is released. */
  hold(id: string, order: KeepingOrder): Kept
  release(id: string, order: KeepingOrder): Kept
  /**
   * Destroys the keys in its file, and the file; manifest, row and a signed statement stay. Where that cannot be done,
   * nothing says that it was.
   */
  shred(id: string, order: KeepingOrder): Promise<Kept>
  /** Erases what ended before this time and is not held. @returns how many. */
  expire(endedBeforeMs: number): Promise<number>
}

/** Rows that are looked at in one go. */
const PAGE_ROWS = 500

export function openKeeping(options: KeepingOptions): Keeping {
  const { folder, rows, audit, signer, log, now } = options
  /** Whose file could not be overwritten; the log has that already. */
  const stuck = new Set<string>()

  async function erase(
    { id, file }: RecordingRow,
    how: 'shredded' | 'expired',
    order: KeepingOrder,
  ): Promise<Kept> {
    const manifest = await folder.readManifest(file)
    // Looked at anew: somebody may have held it meanwhile.
    const found = withRow('shred', id)
    if (!found.ok) return found
    const row = found.value
    audit.note(`recording_${how}`, { recording: row.id, ...order, ...boundTo(manifest) })
    const erased = { atMs: now(), reason: order.reason, how }
    // Before the file goes: what a crash leaves is destroyed at the next start.
    const gone = { ...row, erased }
    rows.put(gone)
    try {
      await folder.destroyKeys(row.file)
    } catch (cause) {
      stuck.add(row.id)
      log.error({ err: cause, recording: row.id }, 'recording not erased')
      audit.note('recording_not_erased', { recording: row.id, reason: 'write_failed' })
      rows.put(row)
      return err('recording_not_erased')
    }
    stuck.delete(row.id)
    await leaveStatement(gone, folder, signer)
    return ok(gone)
  }
  /** Looked at anew: somebody may have held it while another was erased. */
  async function eraseExpired(id: string, endedBeforeMs: number): Promise<boolean> {
    const row = rows.get(id)
    if (row === undefined || !hasExpired(row, endedBeforeMs)) return false
    if (stuck.has(id) && !(await folder.canOverwrite(row.file))) return false
    return (await erase(row, 'expired', { reason: 'kept long enough' })).ok
  }
  const withRow = (verb: 'hold' | 'release' | 'shred', id: string): Kept => {
    const row = rows.get(id)
    const objection = objectionTo(verb, row)
    return row === undefined || objection !== undefined
      ? err(objection ?? 'recording_unknown')
      : ok(row)
  }
  const about = (id: string, order: KeepingOrder): AuditFacts => ({ recording: id, ...order })
  return {
    hold(id, order) {
      const found = withRow('hold', id)
      if (!found.ok) return found
      audit.note('recording_held', about(id, order))
      const held = { ...found.value, hold: { atMs: now(), reason: order.reason } }
      rows.put(held)
      return ok(held)
    },
    release(id, order) {
      const found = withRow('release', id)
      if (!found.ok) return found
      audit.note('recording_released', about(id, order))
      const { hold: _, ...released } = found.value
      rows.put(released)
      return ok(released)
    },
    async shred(id, order) {
      const found = withRow('shred', id)
      return found.ok ? erase(found.value, 'shredded', order) : found
    },
    async expire(endedBeforeMs) {
      let erased = 0
      let beforeMs = endedBeforeMs
      for (;;) {
        const page = rows.list({ limit: PAGE_ROWS, beforeMs })
        for (const row of page) {
          if (await eraseExpired(row.id, endedBeforeMs)) erased++
        }
        const last = page.at(-1)
        if (last === undefined || page.length < PAGE_ROWS) return erased
        beforeMs = last.startedAtMs
      }
    },
  }
}
