/**
 * What a decision says. A permit carries every limit the enforcer must apply; a denial carries a reason and a remedy.
 */
import type { Reason } from './reasons.ts'
import type { SshGrant } from './ssh-grant.ts'

export type SshWatch = 'told' | 'silent' | 'never'

/** SSH limits of a permit. */
export type SshLimits = {
  /** UNIX users that may be asked for, exact names. */
  readonly unixUsers: readonly string[]
  /** `required`: no session without a recording; `best_effort`: a failure is audited and the session goes on; `off`: none is made. */
  readonly record: 'required' | 'best_effort' | 'off'
  /** What of a session is recorded; absent: everything. */
  readonly recordScope?: RecordScope
  /** Whether those who look after sessions may watch them, and whether the user is told; absent: told. */
  readonly watch?: SshWatch
  /** The client must show a certificate of ours for the tunnel's user. */
  readonly requiresCertificate?: true
  /** What the user sends passes only while a moderator is there; the session ends when none is for this long. */
  readonly moderation?: { readonly waitMs: number }
  /** Pinned host keys of the target, OpenSSH one-line format (`ssh-ed25519 AAAA…`). */
  readonly hostKeys: readonly string[]
  /** Host CAs that may vouch for the target, OpenSSH one-line format. */
  readonly hostAuthorities: readonly string[]
  /** What passes inside a session: what each of these grants. */
  readonly grants: readonly [SshGrant, ...SshGrant[]]
  /** A session ends after this long. */
  readonly sessionTimeMs?: number
  /** Sessions that one user may have in one application at once. */
  readonly concurrentSessions?: number
}

/** `commands`: events, no bytes; `metadata`: who, where, when, and counts. */
export type RecordScope = 'commands' | 'metadata'

/** How a permitted flow is carried. */
export type Enforcement =
  | { readonly kind: 'relay' }
  | { readonly kind: 'ssh'; readonly ssh: SshLimits }

/** One step of an evaluation, in order; `zt explain` and the flow record print these. */
export type TraceStep = {
  readonly phase: 'dns' | 'network' | 'application' | 'default' | 'address'
  /** Name of the rule, application or policy looked at. */
  readonly name: string
  /** `matched`, `no_match`, or why not (for example `excluded`, `requirement_missing`). */
  readonly outcome: string
  readonly detail?: string
  /** Of the line that decided: the selector that held, as written. */
  readonly selector?: string
}

/** Where addresses of one version come from: the name itself, nowhere, the answer of a rule, or another name. */
export type NameWay =
  | 'own'
  | 'none'
  | { readonly addresses: readonly string[] }
  | { readonly alias: string }

/** What rules of the DNS phase make of a name. */
export type NameWays = { readonly v4: NameWay; readonly v6: NameWay }

/** May pass, within these limits. */
export type Permit = {
  readonly kind: 'permit'
  readonly reason: Reason
  readonly application?: string
  readonly policy?: string
  readonly rule?: string
  readonly enforcement: Enforcement
  /** Absent: the name is resolved as it is. */
  readonly names?: NameWays
  /** Rules of the DNS phase may be about names that this one leads to: it is decided again with them. */
  readonly meetsAliases?: true
  /** The flow is closed after this long without a byte; absent = no limit. */
  readonly idleTimeoutMs?: number
  readonly revision: number
  /** From this time on the same facts may be decided otherwise, Unix seconds: to be decided again then. */
  readonly validUntilSeconds?: number
  /** End of the application session it is given under, Unix milliseconds. */
  readonly sessionEndsAtMs?: number
  readonly trace: readonly TraceStep[]
}

/** What the person would be asked for, and how the flow would be carried. */
export type PromptWish = {
  /** As the application declares it; an ssh flow is told in its own words. */
  readonly protocol?: 'ssh' | 'http' | 'tls'
  /** A login older than this does not help, seconds. */
  readonly maxAgeSeconds?: number
  /** Authentication context classes of which the login must have one. */
  readonly acrValues?: readonly string[]
}

/** May not pass. */
export type Denial = {
  readonly kind: 'denial'
  readonly reason: Reason
  readonly remedy: 'login' | 'mfa' | 'justify' | 'approval' | 'posture' | 'none'
  /** Present with a remedy that a person can carry out while the flow waits. */
  readonly prompt?: PromptWish
  /** With the remedy `posture`: names of the checks that did not pass. */
  readonly failedChecks?: readonly string[]
  readonly application?: string
  readonly policy?: string
  readonly rule?: string
  readonly revision: number
  /** As of a permit. */
  readonly validUntilSeconds?: number
  readonly trace: readonly TraceStep[]
}

export type Decision = Permit | Denial
