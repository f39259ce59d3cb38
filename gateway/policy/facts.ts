/**
 * The whole input of a decision: one frozen value, stored with the record so that a decision can be replayed.
 * Who gathers it is gateway/facts; policy only reads it.
 */

/** Protocol seen or declared on a flow; `unknown` when the first bytes said nothing. */
export type ApplicationProtocol = 'ssh' | 'http' | 'tls' | 'unknown'

/** The input of `evaluate`. Absent optional attributes deny wherever a rule asks for them. */
export type Facts = {
  readonly subject: {
    readonly userId: string
    readonly email: string
    readonly groups: readonly string[]
    /** Device id of the leaf certificate. */
    readonly deviceId: string
    /** Last interactive login of this (device, user), Unix seconds. */
    readonly lastLoginAtSeconds?: number
  }
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
