/**
 * The recording as an SSH relay sees it: bytes and facts go in, back-pressure and failure come out.
 * The sealing is in lib/seal, the file in ./recording-store.ts.
 */
import type { SessionEvent, StreamName } from '#lib/recording/session-event'

/** What is known when a session is opened; stands in the recording's header (outside the seal) and manifest. */
export type RecordingSubject = {
  /** Random, never user-controlled: it names the file. */
  readonly sessionId: string
  readonly flowId: string
  readonly startedAtMs: number
  readonly userEmail: string
  readonly deviceId: string
  /** UNIX user at the target. */
  readonly unixUser: string
  readonly targetHost: string
  readonly targetPort: number
  readonly application: string
  readonly policy: string
  readonly policyRevision: number
  /** Serial of the certificate minted for the target, decimal. */
  readonly certificateSerial: string
  /** That certificate, one line as OpenSSH has it. */
  readonly certificate?: string
  /** What is left out; absent: everything is recorded. */
  readonly recordScope?: 'commands' | 'metadata'
  /** The session goes on when the recording fails; absent: it ends. */
  readonly recordFailure?: 'go_on'
  /** Session inside which this one came about, by its id. */
  readonly parent?: string
}

/** How a session ended, for the manifest. */
export type RecordingEnd = {
  readonly reason: string
  readonly endedAtMs: number
}

/** One recording being written. */
export interface Recorder {
  /** Takes relayed bytes; they are copied or sealed before the call returns, so the caller may reuse the buffer. */
  data(channel: number, stream: StreamName, bytes: Uint8Array): void
  /** Takes one fact. */
  event(event: SessionEvent): void
  /** Since it began, ms: what is told now stands there. */
  readonly elapsedMs: number
  /** True when unsealed plus unwritten bytes passed the limit (256 KiB or 1 s): stop reading until `onDrain`. */
  readonly backlogged: boolean
  /** Called each time `backlogged` turned false again. */
  onDrain: () => void
  /** Called once when writing failed, unless the session goes on: the relay forwards no further byte and disconnects. */
  onFailure: (reason: string) => void
  /** Seals the last chunk, writes the signed manifest, syncs. Idempotent. */
  close(end: RecordingEnd): Promise<void>
}

/** Opens recordings; refuses with a reason when a required one cannot be made. */
export interface Recordings {
  open(subject: RecordingSubject): Promise<
    | { readonly ok: true; readonly value: Recorder }
    | {
        readonly ok: false
        /** `not_audited`: nor could that be written down; no session goes on then, whatever policy says. */
        readonly error: {
          readonly reason: 'no_recipient' | 'no_space' | 'write_failed' | 'not_audited'
        }
      }
  >
}
