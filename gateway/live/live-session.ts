/** SSH sessions that are going on, as those who look after them see them. */

import type { SessionEvent } from '#lib/recording/session-event'
import type { SshWatch } from '../policy/decision.ts'
import type { Recorder, RecordingSubject } from '../recording/recorder.ts'
import type { Asked } from '../ssh/relay/relay-watch.ts'
import type { Side } from '../ssh/relay/side.ts'

import type { ModeratedSession } from './moderation.ts'

/** Who, where, since when. Names were validated when flow and login were parsed. */
export type SessionAbout = {
  /** Of the recording too. */
  readonly id: string
  readonly flowId: string
  readonly startedAtMs: number
  /** Email, or the name of the service. */
  readonly user: string
  readonly deviceId: string
  readonly unixUser: string
  readonly host: string
  readonly port: number
  readonly application: string
  readonly policy: string
}

/** Sees what passes, just before it is forwarded. The bytes are valid only during the call; it never throws. */
export type SessionTap = Pick<Recorder, 'data' | 'event'> & {
  /** Octets that no recording holds. */
  unrecorded?(from: Side, octets: number): void
  /** Before what is asked is done; `event` tells of it when it is. */
  asking?(asked: Asked): void
  /** The session is over. */
  end(): void
  /** Resolves when it has noted what it found up to the end, and soon; the recording waits for it. */
  settled?(): Promise<void>
}

/** Why somebody ends a session from outside. */
export type LiveEnd = 'ended_by_administrator' | 'ended_by_alert' | 'login_required_by_alert'

export interface LiveSession {
  readonly about: SessionAbout
  readonly recorded: boolean
  /** Absent: everything. */
  readonly recordScope?: RecordingSubject['recordScope']
  /** What the permit says about being watched. */
  readonly watch: SshWatch
  /** Absent: it needs no moderator. */
  readonly moderation?: ModeratedSession
  /** Octets of channel data so far, both ways. */
  readonly passedOctets: number
  /** Where in the recording we are, ms; without a recording, since it began. */
  readonly elapsedMs: number
  /** Has the recording, and whoever watches, say something that was not relayed. */
  note(event: SessionEvent): void
  /** Ends it before the next byte; the user reads why. */
  end(reason: LiveEnd): void
  /** Has a tap see all that passes from now on; what channels are open is told first. @returns what takes it off. */
  follow(tap: SessionTap): () => void
  /** Tells the user, beside the session. */
  tellUser(reason: string, sentence: string): void
}
