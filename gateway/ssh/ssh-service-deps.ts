/** What SSH inspection is made of. */
import type { Log } from '#lib/log'
import type { LiveSessions } from '../live/live-sessions.ts'
import type { Recordings } from '../recording/recorder.ts'
import type { SessionAuthorities } from '../ssh-ca/ssh-authorities-store.ts'
import type { OwnKeyType } from './login/host-key.ts'
import type { HostKeys } from './login/host-keys.ts'
import type { SessionCount } from './session-count.ts'
import type { AeadBinding, AlgorithmLists } from './transport/transport-types.ts'

export type SshServiceDeps = {
  /** `user` certifies logins at targets, `host` what the user's client is shown; users may hold certificates of `client`. */
  readonly authorities: SessionAuthorities
  /** 32 octets from which the raw host keys are derived. */
  readonly hostSeed: Buffer
  readonly hostKeys: HostKeys
  readonly recordings: Recordings
  /** Where sessions that go on are found. */
  readonly live: LiveSessions
  /** Other names under which a user may have typed this host: its short forms under pushed search domains. */
  readonly shortNames: (host: string) => readonly string[]
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
  readonly binding?: AeadBinding | undefined
  /** Kind of the keys that are made here: for targets shown to users, and for logins. Default: ed25519. */
  readonly ownKeys?: OwnKeyType
  readonly algorithms: { readonly user: AlgorithmLists; readonly target: AlgorithmLists }
  readonly timing: SshTiming
  readonly sessions: SessionCount
}

/** Times, milliseconds. */
export type SshTiming = {
  /** From the first octet to the request for a login, and from the target to the user's shell; a wait in between is the hold's. */
  readonly loginGraceMs: number
  /** Keys are exchanged anew at least this often (RFC 4253 section 9). */
  readonly rekeyAfterMs: number
}

export const SSH_TIMING: SshTiming = { loginGraceMs: 180_000, rekeyAfterMs: 3_600_000 }
