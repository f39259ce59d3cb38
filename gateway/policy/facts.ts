/**
 * The whole input of a decision: one frozen value, stored with the record so that a decision can be replayed.
 * Who gathers it is gateway/facts; policy only reads it.
 */

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
  }
  /** Logins that count no more, because a session was revoked. Absent: every login counts. */
  readonly loginsNotBefore?: LoginsNotBefore
  /** Address the tunnel connection came from, canonical text. */
  readonly sourceAddress: string
  readonly destination: {
    /** Host name (canonical) or IP literal, as the program asked for it. */
    readonly host: string
    readonly port: number
    readonly transport: 'tcp' | 'udp'
    /** Address the name was resolved to: absent in the first pass, a second fact in the pass before dialling. */
    readonly address?: string
  }
  /** Absent until the first bytes were looked at. */
  readonly protocol?: ApplicationProtocol
}
