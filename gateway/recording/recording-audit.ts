/** What the audit log says of a recording; `recording` is its id in every entry. */
import { createHash } from 'node:crypto'
import type { AuditFacts } from '#lib/audit/audit-entry'
import type { RecordingRow } from '../store/store.ts'
import type { RecordingSubject } from './recorder.ts'

export function openedFacts(subject: RecordingSubject): AuditFacts {
  const { sessionId, flowId, userEmail, deviceId, unixUser, targetHost, targetPort } = subject
  const { application, policy, policyRevision, certificateSerial, recordScope, parent } = subject
  return {
    ...{ recording: sessionId, flow: flowId, user: userEmail, device: deviceId, unixUser },
    target: `${targetHost}:${targetPort}`,
    ...{ application, policy, policyRevision, certificateSerial, scope: recordScope ?? 'full' },
    ...(parent !== undefined && { parent }),
  }
}

export function failedFacts(subject: RecordingSubject, reason: string): AuditFacts {
  const { sessionId, flowId, userEmail, recordFailure } = subject
  const sessionGoesOn = recordFailure === 'go_on'
  return { recording: sessionId, flow: flowId, user: userEmail, reason, sessionGoesOn }
}

/** @param manifest text of the side file; none where not even the head was written. */
export function closedFacts(
  { id, state, sizeBytes }: RecordingRow,
  reason: string,
  manifest: string | undefined,
): AuditFacts {
  return { recording: id, state, reason, sizeBytes, ...boundTo(manifest) }
}

/** SHA-256 of a manifest as it stands in its file, hex; nothing where there is none. */
export function boundTo(manifest: string | undefined): { readonly manifestSha256?: string } {
  if (manifest === undefined) return {}
  return { manifestSha256: createHash('sha256').update(manifest).digest('hex') }
}
