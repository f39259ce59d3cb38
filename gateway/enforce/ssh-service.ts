/** The seam to SSH inspection: what a flow under an SSH permit hands over. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Permit } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'

/** A flow whose target is connected and whose client is answered; both streams carry raw SSH from the first octet. */
export type SshFlow = {
  readonly flowId: string
  readonly client: Duplex
  readonly target: Socket
  readonly facts: Facts
  /** Its enforcement is `ssh`. */
  readonly permit: Permit
  /** Address that was dialled, canonical text. */
  readonly dialled: string
  /** Notes the recording in the flow's record. */
  readonly onSession: (sessionId: string) => void
  /** Why the flow was cut, once it was: both streams are then reset. */
  readonly cutReason: () => string | undefined
}

/** How an SSH session ended, for the flow record; octets as on the wire. */
export type SshEnd = {
  readonly closeReason: string
  readonly fromClient?: number
  readonly fromTarget?: number
}

/** Serves until both streams are closed. May reject only for bugs. */
export type ServeSsh = (flow: SshFlow) => Promise<SshEnd>
