/**
 * What can be said about a recording, and where. Found by ./verify.ts.
 */
import type { JWK } from 'jose'
import type { SealClass } from '../seal/container-format.ts'
import type { FormatReason, Place } from '../seal/container-parser.ts'
import type { RecipientKey } from '../seal/recipient-key.ts'
import type { Manifest, ManifestError, SignedManifest } from './manifest.ts'

export type VerifyOptions = {
  /** Text of the side file. Without it the best verdict is `incomplete`. */
  readonly manifest?: string
  /** Evidence keys of the gateways to trust. */
  readonly evidenceKeys?: readonly JWK[]
  /** Private keys: every chunk they should open is opened. */
  readonly keys?: readonly RecipientKey[]
  /** Fingerprints that alone may be able to open it; any other recipient is a finding. */
  readonly expectRecipients?: readonly string[]
}

export type TamperReason =
  | FormatReason
  | ManifestError['reason']
  | 'head_changed'
  | 'chain_broken'
  | 'truncated'
  | 'longer_than_manifest'
  | 'chunk_does_not_open'
  | 'bad_wrapped_key'
  | 'bad_frame'
  | 'counts_differ'
  | 'unexpected_recipient'

/** What was found. `chunk` and `offset` say where; with sparse checkpoints, from where on. */
export type Finding =
  | { readonly status: 'complete' }
  | {
      readonly status: 'incomplete'
      /** `interrupted`: the manifest says so. */
      readonly reason: 'no_manifest' | 'no_end' | 'interrupted'
    }
  | ({ readonly status: 'tampered'; readonly reason: TamperReason } & Partial<Place>)
  /** The key given opens nothing in this recording: no verdict about it. */
  | { readonly status: 'unverified'; readonly reason: 'not_a_recipient' }

export type Verdict = Finding & {
  readonly chunks: number
  readonly bytes: number
  /** Classes whose every chunk was opened. */
  readonly opened: readonly SealClass[]
  readonly recipients?: Manifest['recipients']
  readonly signed?: SignedManifest
  /** Until a witness keeps the chain outside the gateway, no end can be proven. */
  readonly tail: 'not_provable'
}
