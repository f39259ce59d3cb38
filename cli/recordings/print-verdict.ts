/**
 * Verdicts and failures about recordings in words.
 */
import type { ReadError } from '#lib/recording/recording-reader'
import type { TamperReason, Verdict } from '#lib/recording/verdict'

const REASONS: Readonly<Record<TamperReason, string>> = {
  not_a_recording: 'this is no recording of ours',
  bad_header: 'the header cannot be read',
  bad_chunk_head: 'a chunk begins with what no gateway writes',
  chunk_out_of_order: 'a chunk is missing, repeated or moved',
  data_after_end: 'something follows the last chunk',
  bad_manifest: 'the manifest cannot be read',
  bad_manifest_signature: 'the signature of the manifest does not fit',
  unknown_signer: 'the manifest is signed by a key that you do not trust',
  head_changed: 'the header was changed, or the manifest belongs to another recording',
  chain_broken: 'a chunk is not the one that the gateway signed',
  truncated: 'the end that the manifest promises is missing',
  longer_than_manifest: 'there is more than the manifest promises',
  chunk_does_not_open: 'a chunk was changed, or comes from another recording',
  bad_wrapped_key: 'the key in the header was changed',
  bad_frame: 'a chunk holds what no gateway writes',
  counts_differ: 'the manifest counts other bytes than the recording holds',
  unexpected_recipient: 'somebody can open it whom you do not expect',
}

const INCOMPLETE = {
  no_manifest: 'it has its end, but no manifest that vouches for it',
  no_end: 'it has no end: it is still being written, or its gateway stopped',
  interrupted: 'the gateway signed it as incomplete',
} as const

/** Says why a recording could not be opened, and where. */
export function printReadError(error: ReadError): string {
  if (error.reason === 'not_a_recipient') return 'this key is not a recipient of this recording'
  return `${REASONS[error.reason]}${place(error)}`
}

/** The verdict, one statement a line; the first begins with the status. */
export function printVerdict(verdict: Verdict): readonly string[] {
  return [`${verdict.status}: ${finding(verdict)}`, ...vouchers(verdict)]
}

function finding(verdict: Verdict): string {
  switch (verdict.status) {
    case 'complete':
      return `${verdict.chunks} chunks, ${verdict.bytes} bytes, every one as signed`
    case 'incomplete':
      return INCOMPLETE[verdict.reason]
    case 'tampered':
      return `${REASONS[verdict.reason]}${place(verdict)}`
    case 'unverified':
      return 'this key is not a recipient of this recording'
  }
}

function place({ chunk, offset }: { chunk?: number; offset?: number }): string {
  if (offset === undefined) return ''
  return chunk === undefined ? ` (header)` : ` (chunk ${chunk}, byte ${offset})`
}

function vouchers({ status, signed, opened }: Verdict): readonly string[] {
  if (status === 'tampered' || status === 'unverified') return []
  const lines = opened.length > 0 ? [`opened: every chunk of ${opened.join(', ')}`] : []
  if (!signed) return lines
  const trust = signed.pinned ? 'a key that you trust' : 'a key that nobody vouches for here'
  const tail = 'tail not provable: no witness keeps the chain outside the gateway'
  return [...lines, `signed by ${trust}: ${signed.signer}`, `consistent, ${tail}`]
}
