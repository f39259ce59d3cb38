/** What the audit log says became of each recording, and what of it a folder of recordings bears out. Pure. */
import type { Erasure } from '../recording/erasure.ts'
import type { Verdict } from '../recording/verdict.ts'
import type { AuditEntry } from './audit-entry.ts'

export type RecordingFate = {
  readonly id: string
  readonly state: 'open' | 'failed' | 'closed'
  /** SHA-256 of the manifest's text, hex; of a recording without a head there is none. */
  readonly manifestSha256?: string
  /** Its content is gone since then. */
  readonly erased?: AuditedErasure
}

/** An erasure as it stands in the log. */
export type AuditedErasure = Pick<Erasure, 'how' | 'atMs' | 'reason'> & {
  /** Address from which it was ordered. */
  readonly source?: string
}

/** A recording as it was found. */
export type FoundRecording = {
  readonly id: string
  /** Absent: there is no sealed file. */
  readonly verdict?: Verdict
  readonly manifestSha256?: string
  /** Of a manifest without a sealed file: nobody signed it who should have. */
  readonly isManifestForged?: true
  /** What stands in the place of an erased file; `invalid` when it is not the gateway's word about this one. */
  readonly erasure?: Erasure | 'invalid'
}

export type FolderReason =
  | 'recording_missing'
  | 'manifest_missing'
  | 'manifest_differs'
  | 'recording_tampered'
  | 'manifest_forged'
  | 'erasure_invalid'
  | 'erasure_not_audited'
  | 'recording_not_erased'
  | 'recording_not_audited'

export type FolderFinding = { readonly id: string; readonly reason: FolderReason }

/** Takes the next entry. Entries that are not about recordings say nothing here. */
export function noteFate(fates: Map<string, RecordingFate>, entry: AuditEntry): void {
  const { kind, about } = entry
  const { recording: id } = about
  if (typeof id !== 'string') return
  const known = fates.get(id)
  if (kind === 'recording_opened') fates.set(id, { id, state: 'open' })
  else if (kind === 'recording_failed' && known?.state !== 'closed') {
    fates.set(id, { ...known, id, state: 'failed' })
  } else if (kind === 'recording_closed') {
    fates.set(id, { id, state: 'closed', ...digestIn(entry) })
  } else if (kind === 'recording_shredded' || kind === 'recording_expired') {
    const erased = erasureIn(entry)
    fates.set(id, { state: 'closed', ...known, id, ...digestIn(entry), erased })
  } else if (kind === 'recording_not_erased' && known !== undefined) {
    const { erased: _, ...still } = known
    fates.set(id, still)
  }
}

function digestIn({ about: { manifestSha256 } }: AuditEntry) {
  return typeof manifestSha256 === 'string' ? { manifestSha256 } : {}
}

function erasureIn({ kind, atMs, about: { reason, source } }: AuditEntry): AuditedErasure {
  return {
    how: kind === 'recording_shredded' ? 'shredded' : 'expired',
    atMs,
    reason: String(reason ?? ''),
    ...(typeof source === 'string' && { source }),
  }
}

/** Holds a folder against the log. */
export function findInFolder(
  fates: ReadonlyMap<string, RecordingFate>,
  found: ReadonlyMap<string, FoundRecording>,
): readonly FolderFinding[] {
  const findings: FolderFinding[] = []
  const add = (id: string, reason: FolderReason | undefined): void => {
    if (reason !== undefined) findings.push({ id, reason })
  }
  for (const fate of fates.values()) add(fate.id, compare(fate, found.get(fate.id)))
  for (const id of found.keys()) if (!fates.has(id)) add(id, 'recording_not_audited')
  return findings
}

function compare(fate: RecordingFate, found: FoundRecording | undefined): FolderReason | undefined {
  if (found?.verdict?.status === 'tampered') return 'recording_tampered'
  if (found?.isManifestForged) return 'manifest_forged'
  return compareErasure(fate, found) ?? compareContent(fate, found)
}

/** The statement may be missing: the log vouches for the erasure. */
function compareErasure(
  { erased, manifestSha256 }: RecordingFate,
  found: FoundRecording | undefined,
): FolderReason | undefined {
  if (found?.erasure === 'invalid') return 'erasure_invalid'
  if (erased === undefined) return found?.erasure && 'erasure_not_audited'
  if (found?.verdict !== undefined) return 'recording_not_erased'
  if (found?.erasure === undefined) return undefined
  const { how, reason, manifestSha256: bound } = found.erasure
  const isSame = how === erased.how && reason === erased.reason && bound === manifestSha256
  return isSame ? undefined : 'erasure_invalid'
}

function compareContent(
  { state, erased, manifestSha256 }: RecordingFate,
  found: FoundRecording | undefined,
): FolderReason | undefined {
  if (state === 'failed') return undefined
  if (found?.verdict === undefined && erased === undefined) return 'recording_missing'
  if (manifestSha256 === undefined) return undefined
  if (found?.manifestSha256 === undefined) return 'manifest_missing'
  return found.manifestSha256 === manifestSha256 ? undefined : 'manifest_differs'
}
