/** What the audit log says became of each recording, and what of it a folder of recordings bears out. Pure. */
import type { Verdict } from '../recording/verdict.ts'
import type { AuditEntry } from './audit-entry.ts'

export type RecordingFate = {
  readonly id: string
  readonly state: 'open' | 'failed' | 'closed' | 'erased'
  /** SHA-256 of the manifest's text, hex; of a recording without a head there is none. */
  readonly manifestSha256?: string
}

/** A recording as it was found. */
export type FoundRecording = {
  readonly id: string
  /** Absent: there is no sealed file. */
  readonly verdict?: Verdict
  readonly manifestSha256?: string
}

export type FolderReason =
  | 'recording_missing'
  | 'manifest_missing'
  | 'manifest_differs'
  | 'recording_tampered'
  | 'recording_not_erased'
  | 'recording_not_audited'

export type FolderFinding = { readonly id: string; readonly reason: FolderReason }

/** Takes the next entry. Entries that are not about recordings say nothing here. */
export function noteFate(fates: Map<string, RecordingFate>, { kind, about }: AuditEntry): void {
  const { recording: id, manifestSha256 } = about
  if (typeof id !== 'string') return
  const known = fates.get(id)
  if (kind === 'recording_opened') fates.set(id, { id, state: 'open' })
  else if (kind === 'recording_failed' && known?.state !== 'closed') {
    fates.set(id, { ...known, id, state: 'failed' })
  } else if (kind === 'recording_closed') {
    fates.set(id, {
      id,
      state: 'closed',
      ...(typeof manifestSha256 === 'string' && { manifestSha256 }),
    })
  } else if (kind === 'recording_shredded' || kind === 'recording_expired') {
    fates.set(id, { ...known, id, state: 'erased' })
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
  if (fate.state === 'failed') return undefined
  if (fate.state === 'erased') return found?.verdict && 'recording_not_erased'
  if (found?.verdict === undefined) return 'recording_missing'
  if (fate.manifestSha256 === undefined) return undefined
  if (found.manifestSha256 === undefined) return 'manifest_missing'
  return found.manifestSha256 === fate.manifestSha256 ? undefined : 'manifest_differs'
}
