/**
 * What the gateway remembers. One contract suite (test/contract) runs on every implementation.
 * Calls are synchronous: the embedded store is in process; times are Unix milliseconds.
 */
import type { TreeNode } from '#lib/audit/merkle-tree'
import type { AccessRequest } from '../access-request/access-request.ts'
import type { DnsLogLine, NumberedLine } from '../dns/dns-log-line.ts'
import type { FlowRecord } from '../flow/flow-record.ts'
import type { Claims, Identity, LoginContext } from '../identity/identity.ts'
import type { RegisteredTarget } from '../policy/document.ts'
import type { TimedObservation } from '../policy/judge-posture.ts'
import type { ServiceToken } from '../service-token/service-token.ts'
import type { AppSession } from '../session/app-session.ts'
import type { Revocation } from '../session/revocation.ts'
import type { IssuedSshCertificate } from '../ssh-ca/issued-certificate.ts'
import type { SshAuthority } from '../ssh-ca/ssh-authority.ts'
import type { SshRevocation } from '../ssh-ca/ssh-revocation.ts'

/** A person, as the identity provider last described them. */
export type User = {
  readonly id: string
  /** Name of the identity provider and its subject: the identity; email may change. */
  readonly provider: string
  readonly providerSubject: string
  /** Lower case. */
  readonly email: string
  readonly name: string
  readonly groups: readonly string[]
  readonly claims: Claims
  readonly lastLoginAtMs: number
  /** Set: nothing is allowed to this person any more. */
  readonly disabledAtMs?: number
}

/** One registration: one device key and one user. */
export type Device = {
  readonly id: string
  readonly userId: string
  /** Host name as the daemon stated it; display only. */
  readonly name: string
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly keySha256: string
  readonly enrolledAtMs: number
  /** Last interactive login of this (device, user). */
  readonly login: LoginContext
  readonly lastSeenAtMs?: number
  readonly certificateNotAfterMs?: number
  readonly revokedAtMs?: number
}

/** Row that lists a recording; its content is sealed in a file. */
export type RecordingRow = {
  readonly id: string
  readonly flowId: string
  readonly startedAtMs: number
  readonly endedAtMs?: number
  readonly userEmail: string
  readonly deviceId: string
  readonly unixUser: string
  readonly target: string
  readonly application: string
  /** `open` while written; `complete`, or `incomplete` after a crash or a write error. */
  readonly state: 'open' | 'complete' | 'incomplete'
  readonly sizeBytes: number
  /** File name inside the recordings directory. */
  readonly file: string
  /** Id of the session that this one went on inside of. */
  readonly parent?: string
  /** Legal hold: it is neither shredded nor does it expire. */
  readonly hold?: { readonly atMs: number; readonly reason: string }
  /** Its content is gone; manifest and row stay. */
  readonly erased?: {
    readonly atMs: number
    readonly reason: string
    readonly how: 'shredded' | 'expired'
  }
}

/** An SSH target that an administrator registered. */
export type StoredTarget = RegisteredTarget & { readonly registeredAtMs: number }

/** A device-code enrolment under way (RFC 8628). Codes are stored hashed. */
export type Enrolment = {
  readonly deviceCodeSha256: string
  readonly userCodeSha256: string
  readonly keySha256: string
  readonly csrPem: string
  readonly deviceName: string
  readonly sourceAddress: string
  readonly expiresAtMs: number
  readonly state: 'pending' | 'approved' | 'denied' | 'used'
  /** Set when approved: who confirmed it, and how they had logged in. */
  readonly userId?: string
  readonly login?: LoginContext
  /** Set for a fresh login of a device that is enrolled already. */
  readonly deviceId?: string
}

/** Somebody in the local directory. */
export type LocalUser = {
  /** Subject of the identity. */
  readonly id: string
  /** Lower case; one account each. */
  readonly email: string
  readonly name: string
  readonly groups: readonly string[]
  readonly passwordHash: string
  /** Set: the password was handed out; it must be changed at the next login, and is useless after this time. */
  readonly temporaryUntilMs?: number
  readonly createdAtMs: number
  readonly disabledAtMs?: number
}

/** How often a secret was guessed wrong. */
export type GuessCount = {
  /** In a row. */
  readonly failures: number
  readonly lastAtMs: number
  readonly succeededAtMs?: number
}

/** A browser that is logged in at the login host. Its id is in a cookie, and stored hashed. */
export type BrowserSession = {
  readonly idSha256: string
  readonly userId: string
  /** The login that it began with; it counts with this time and these methods. */
  readonly login: LoginContext
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly revokedAtMs?: number
}

/** A line of the audit log with the subtrees that it completes; see lib/audit. */
export type AuditLine = {
  readonly sequence: number
  /** Canonical JSON of the entry. */
  readonly line: string
  /** The recording that it is about. */
  readonly recordingId?: string
  readonly nodes: readonly TreeNode[]
}

/** Filter of a listing; newest first. */
export type Page = { readonly limit: number; readonly beforeMs?: number }

/** With `beforeId`, rows of the very time `beforeMs` count as well, as far as their id is smaller: the last row of the page before. */
export type FlowPage = Page & { readonly beforeId?: string }

/** With `parent`, those right inside that session; with null, those inside none. */
export type RecordingPage = Page & { readonly parent?: string | null }

/** Where a row stands among the oldest: by its time, then by its id. */
export type AgedPlace<Id> = { readonly atMs: number; readonly id: Id }

/** Rows of before a time, oldest first, from behind a place on. */
export type AgedPage<Id> = {
  readonly beforeMs: number
  /** Rows that are looked at, whether they may go or not. */
  readonly limit: number
  readonly after?: AgedPlace<Id>
}

/** Rows that may go, and where to go on; without `next` there are no more. */
export type Aged<Id> = { readonly ids: readonly Id[]; readonly next?: AgedPlace<Id> }

/** History that does not stay for ever; it goes a few rows at a time. */
export interface Aging<Id> {
  aged(page: AgedPage<Id>): Aged<Id>
  remove(ids: readonly Id[]): void
}

/** Lines of the DNS log that stay, of all devices together. */
export const DNS_LOG_LINES = 1_000_000

export interface Store {
  readonly users: {
    /** Inserts or updates by (provider, providerSubject); returns the stored row. */
    upsert(identity: Identity): User
    get(id: string): User | undefined
    /** Everybody with this address, one for each provider. */
    byEmail(email: string): readonly User[]
    /**
     * Writes what a directory says now of somebody who logged in before; without `disabledAtMs` they are enabled.
     * @returns the row as it is now; nothing when they never logged in.
     */
    refresh(
      provider: string,
      providerSubject: string,
      now: Pick<User, 'groups' | 'disabledAtMs'>,
    ): User | undefined
  }
  readonly localUsers: {
    /** @returns whether it was inserted: an email address has one account. */
    insert(user: LocalUser): boolean
    get(id: string): LocalUser | undefined
    byEmail(email: string): LocalUser | undefined
    /** All, by email address. */
    list(): readonly LocalUser[]
    /** Sets another password only while the hash is still `fromHash`. @returns whether it was set. */
    setPassword(
      id: string,
      fromHash: string,
      password: Pick<LocalUser, 'passwordHash' | 'temporaryUntilMs'>,
    ): boolean
    /** @throws {Error} when there is no such account, here and below. */
    setGroups(id: string, groups: readonly string[]): void
    /** @param atMs since when; without it the account is enabled. */
    setDisabled(id: string, atMs?: number): void
  }
  /** Counts of wrong guesses, by opaque keys. */
  readonly guesses: {
    get(key: string): GuessCount | undefined
    /** One more. */
    count(key: string, nowMs: number): void
    /** One less, if there is one; what says nothing then is dropped. */
    takeBack(key: string): void
    /** A right one: none are wrong in a row. */
    succeed(key: string, nowMs: number): void
    /** Drops the counts that did not change since then. */
    forget(beforeMs: number): void
  }
  readonly devices: {
    insert(device: Device): void
    get(id: string): Device | undefined
    /** The registration of a device key, if there is one. */
    byKey(keySha256: string): Device | undefined
    list(): readonly Device[]
    /** Changes the named fields. @throws {Error} when the device does not exist. */
    update(id: string, change: Partial<Omit<Device, 'id' | 'userId' | 'keySha256'>>): void
  }
  readonly serviceTokens: {
    /** @returns whether it was inserted: a name has one token. */
    insert(token: ServiceToken): boolean
    /** Puts it in place of the one with its id and name. @throws {Error} when there is none. */
    replace(token: ServiceToken): void
    get(id: string): ServiceToken | undefined
    /** All, by name. */
    list(): readonly ServiceToken[]
  }
  readonly sshTargets: {
    /** Inserts or replaces by label. */
    put(target: StoredTarget): void
    /** All, by label. */
    list(): readonly StoredTarget[]
    /** @returns whether there was one. */
    remove(label: string): boolean
  }
  readonly enrolments: {
    insert(enrolment: Enrolment): void
    byDeviceCode(sha256: string): Enrolment | undefined
    byUserCode(sha256: string): Enrolment | undefined
    /** Moves on only from `from`, so that a code works once. @returns whether it moved. */
    move(
      deviceCodeSha256: string,
      from: Enrolment['state'],
      to: Enrolment['state'],
      approval?: Pick<Enrolment, 'userId' | 'login'>,
    ): boolean
    deleteExpired(nowMs: number): void
  }
  readonly replays: {
    /**
     * Takes what may be used once: an assertion, a code.
     * @param expiresAtMs from then on it may be forgotten, since it is refused for its age alone.
     * @returns false when it was taken before.
     */
    take(key: string, expiresAtMs: number, nowMs: number): boolean
  }
  readonly browserSessions: {
    insert(session: BrowserSession): void
    get(idSha256: string): BrowserSession | undefined
    /** @returns whether there was one to revoke. */
    revoke(idSha256: string, atMs: number): boolean
    list(page: Page): readonly BrowserSession[]
    deleteExpired(nowMs: number): void
  }
  /** Flows age from their end, or their beginning where they have none; those that a recording names stay. */
  readonly flows: Aging<string> & {
    /** Inserts or replaces by id; may be buffered, at most 1 s. */
    put(record: FlowRecord): void
    get(id: string): FlowRecord | undefined
    list(page: FlowPage): readonly FlowRecord[]
  }
  readonly posture: {
    /** What a device said of itself last; nothing of one that never did. */
    get(deviceId: string): readonly TimedObservation[]
    /** Replaces it for a device that is enrolled; may be buffered, at most 1 s. */
    put(deviceId: string, observations: readonly TimedObservation[]): void
  }
  readonly recordings: {
    put(row: RecordingRow): void
    get(id: string): RecordingRow | undefined
    list(page: RecordingPage): readonly RecordingRow[]
  }
  readonly dnsLog: Aging<number> & {
    /** Adds a line; above `DNS_LOG_LINES` the devices with the most lose their oldest. May be buffered, at most 1 s. */
    add(line: DnsLogLine): void
    /** Newest first, from below a number on. */
    list(page: { readonly limit: number; readonly before?: number }): readonly NumberedLine[]
  }
  readonly revocations: {
    /** Inserts or replaces by scope. */
    put(revocation: Revocation): void
    list(): readonly Revocation[]
  }
  readonly appSessions: {
    /** Inserts or replaces by id. */
    put(session: AppSession): void
    get(id: string): AppSession | undefined
    /** Those of an application, or all; newest start first. */
    list(filter: Partial<Pick<AppSession, 'application'>>): readonly AppSession[]
    deleteUnused(sinceMs: number): void
  }
  readonly accessRequests: {
    /** Inserts or replaces by id. */
    put(request: AccessRequest): void
    get(id: string): AccessRequest | undefined
    /** Newest first. */
    ofUser(userId: string): readonly AccessRequest[]
    list(page: Page): readonly AccessRequest[]
  }
  readonly sshCa: {
    /** Inserts or replaces by id, all or none. */
    putAuthorities(rows: readonly SshAuthority[]): void
    /** All keys of all authorities, oldest first. */
    authorities(): readonly SshAuthority[]
    /** Once and for good: a revocation is never taken back. */
    revoke(revocation: SshRevocation): void
    /** All, oldest first. */
    revocations(): readonly SshRevocation[]
    /** @throws {Error} when the serial is there already. */
    logCertificate(certificate: IssuedSshCertificate): void
    /** Newest first. */
    certificates(page: Page): readonly IssuedSshCertificate[]
  }
  readonly revisions: {
    /** Stores policy text as the next revision unless its digest equals the newest. @returns its number. */
    add(text: string, sha256: string, atMs: number): number
    latest(): { readonly revision: number; readonly text: string } | undefined
  }
  /** The audit log: nothing in it is ever changed or removed. */
  readonly audit: {
    readonly size: number
    /** Appends as line number `size`, at once. @returns false when the log has another size by now. */
    append(line: AuditLine): boolean
    /** Hash of a whole subtree. @throws {Error} when there is none. */
    node(level: number, position: number): string
    /** Lines from `sequence` on, in order. */
    lines(sequence: number, limit: number): readonly string[]
    /** Lines about a recording, in order. */
    ofRecording(id: string): readonly Pick<AuditLine, 'sequence' | 'line'>[]
  }
  /** Changes when another process has written; its value means nothing. */
  foreignVersion(): number
  /** Writes what is buffered and closes. */
  close(): void
}
