/**
 * The whole input of a decision: one frozen value, stored with the record so that a decision can be replayed.
 * Who gathers it is gateway/facts; policy only reads it.
 */

import type { Transport } from '#lib/net/flow-endpoint'
import type { Claims, LoginContext } from '../identity/identity.ts'

/** Protocol seen or declared on a flow; `unknown` when the first bytes said nothing. */
export type ApplicationProtocol = 'ssh' | 'http' | 'tls' | 'unknown'

/** Up to when logins were made worthless, Unix milliseconds. */
export type LoginsNotBefore = {
  /** For everything: the device's or the user's sessions were revoked. */
  readonly allMs?: number
  /** By name of the application. */
  readonly applicationMs?: Readonly<Record<string, number>>
}

/** A service that asks in place of a person, by a token. */
export type ServiceIdentity = {
  readonly tokenId: string
  readonly name: string
  /** From then on nothing is permitted to it, Unix milliseconds. */
  readonly expiresAtMs?: number
  /** An administrator disabled the token: nothing is permitted to it. */
  readonly isDisabled?: true
}

/** How a check or an evaluation came out. From `validUntilMs` on (Unix milliseconds) it is not known any more. */
export type CheckResult = { readonly passed: boolean; readonly validUntilMs: number }

/** What somebody was given for a time: the reason they stated was taken, or an approver agreed. */
export type Grant = {
  readonly kind: 'purpose' | 'approval'
  readonly application: string
  /** The policy that asked for it; without a name it counts for every policy of the application. */
  readonly policy?: string
  /** The purpose as the user stated it. */
  readonly text?: string
  /** Email addresses of who approved. */
  readonly approver?: string
  /** Unix milliseconds. */
  readonly grantedAtMs: number
  readonly untilMs: number
}

/** The input of `evaluate`. Absent optional attributes deny wherever a rule asks for them. */
export type Facts = {
  readonly subject: {
    readonly userId: string
    readonly email: string
    readonly groups: readonly string[]
    /** Device id of the leaf certificate. */
    readonly deviceId: string
    /** Name of the identity provider that knows the user. */
    readonly provider?: string
    readonly claims?: Claims
    /** Last interactive login of this (device, user). */
    readonly login?: LoginContext
    /** Present: no person asks, and what describes persons counts for nothing. */
    readonly service?: ServiceIdentity
    /** An administrator disabled the account: nothing is permitted. */
    readonly isDisabled?: true
  }
  /** Logins that count no more, because a session was revoked. Absent: every login counts. */
  readonly loginsNotBefore?: LoginsNotBefore
  /** Posture checks of the device, by name. */
  readonly posture?: Readonly<Record<string, CheckResult>>
  /** Of this user, for any application. */
  readonly grants?: readonly Grant[]
  /** Answers of external evaluators, by name of the evaluator. */
  readonly evaluations?: Readonly<Record<string, CheckResult>>
  /** Address the tunnel connection came from, canonical text. */
  readonly sourceAddress: string
  /** Country of that address, ISO 3166-1 alpha-2 in upper case; a private address has none. */
  readonly country?: string
  readonly destination: {
    /** Host name (canonical) or IP literal, as the program asked for it. */
    readonly host: string
    /** 1 to 65535; 0 with `icmp`. */
    readonly port: number
    readonly transport: Transport
    /** Address the name was resolved to: absent in the first pass, a second fact in the pass before dialling. */
    readonly address?: string
    /** Names that the host leads to (CNAME), once they were looked up. */
    readonly aliases?: readonly string[]
  }
  /** Absent until the first bytes were looked at. */
  readonly protocol?: ApplicationProtocol
}
