/** What was found about an audit log and a folder of recordings, in words. */
import type { AuditReason, AuditVerdict } from '#lib/audit/audit-verifier'
import type { FolderFinding, FolderReason, RecordingFate } from '#lib/audit/recording-fates'
import type { BundleReason, BundleVerdict } from '#lib/evidence/bundle-verifier'
import { printable } from '../printable.ts'
import { printVerdict } from './print-verdict.ts'

const REASONS: Readonly<Record<AuditReason, string>> = {
  bad_entry: 'an entry was changed, or is none of ours',
  out_of_order: 'an entry is missing, repeated or moved',
  bad_checkpoint: 'the signature of a checkpoint does not fit',
  unknown_signer: 'a checkpoint is signed by a key that you do not trust',
  checkpoint_differs: 'the entries are not those that the gateway signed',
  shorter_than_witness: 'a witness saw more entries than there are',
  witness_differs: 'a witness saw other entries',
}

const FOLDER: Readonly<Record<FolderReason, string>> = {
  recording_missing: 'the recording is missing',
  manifest_missing: 'the manifest is missing',
  manifest_differs: 'the manifest is not the one that was audited',
  recording_tampered: 'the recording was tampered with',
  manifest_forged: 'the manifest is not signed by the gateway',
  erasure_invalid: 'what says that it was erased is not the word of the gateway about it',
  erasure_not_audited: 'it is said to be erased, and the log knows nothing of that',
  recording_not_erased: 'it was erased by the log, and is there',
  recording_not_audited: 'the log does not know it',
}

const BUNDLE: Readonly<Record<BundleReason, string>> = {
  not_a_bundle: 'this is no evidence bundle, or not all of one',
  member_missing: 'a member is missing',
  bad_index: 'the signature over the members does not fit',
  unknown_signer: 'it is signed by a key that you do not trust',
  member_differs: 'a member is not what the gateway signed',
  bad_manifest: 'the manifest is not signed by the gateway that signed the rest',
  bad_checkpoint: 'the checkpoint is not signed by the gateway that signed the rest',
  bad_audit_entry: 'an entry of the audit log is missing, or not in the log',
  session_differs: 'a member speaks of another session',
  certificate_differs: 'the certificate is not that of the session',
  recording_tampered: 'the recording was tampered with',
}

/** The first line begins with the status. */
export function printBundle(verdict: BundleVerdict): readonly string[] {
  const { status, reason, member, session, signer, pinned, recording } = verdict
  if (reason !== undefined) {
    return [`${status}: ${BUNDLE[reason]}${member === undefined ? '' : ` (${printable(member)})`}`]
  }
  const trust = pinned ? 'a key that you trust' : 'a key that nobody vouches for here'
  return [
    `${status}: session ${printable(session ?? '')}: decision, identity, certificate, audit entries and recording belong together`,
    `signed by ${trust}: ${signer}`,
    ...(recording ? printVerdict(recording).map((line) => `recording ${line}`) : []),
  ]
}

/** The first line begins with the status. */
export function printAudit(verdict: AuditVerdict): readonly string[] {
  const { entries, witnessed, signer, pinned } = verdict
  const trust = pinned ? 'a key that you trust' : 'a key that nobody vouches for here'
  const tail =
    witnessed === 0
      ? 'tail not provable: no witness was given'
      : `entries 0 to ${witnessed - 1} are as witnesses saw them${witnessed < entries ? '; the tail after them is not provable' : ''}`
  if (verdict.status === 'tampered') {
    const place = verdict.entry === undefined ? '' : ` (entry ${verdict.entry})`
    return [`tampered: ${REASONS[verdict.reason]}${place}`]
  }
  if (verdict.status === 'incomplete') {
    return [
      `incomplete: ${entries} entries in order, with no checkpoint that vouches for them`,
      tail,
    ]
  }
  return [`consistent: ${entries} entries, ${tail}`, `signed by ${trust}: ${signer}`]
}

export function printFinding({ id, reason }: FolderFinding): string {
  return `${printable(id)}: ${FOLDER[reason]}`
}

/** An erasure as the log has it: when, how, why, and from where it was ordered. */
export function printErased({ id, erased }: RecordingFate): string {
  const { how = '', atMs = 0, reason = '', source } = erased ?? {}
  const from = source === undefined ? '' : `, ordered from ${printable(source)}`
  return `${printable(id)}: ${how} ${new Date(atMs).toISOString()}${from}: ${printable(reason)}`
}
