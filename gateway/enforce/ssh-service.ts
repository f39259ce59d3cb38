/** The seam to SSH inspection: what a flow that is to be enforced as SSH hands over. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Result } from '#lib/result'
import type { Permit, SshLimits } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Missed } from './missed.ts'

/** A target that is connected, under a permit that is enforced as SSH. */
export type SshTarget = {
  readonly socket: Socket
  readonly permit: Permit
  /** Of the permit. */
  readonly limits: SshLimits
}

/** A flow whose client is answered; streams carry raw SSH from the first octet. */
export type SshFlow = {
  readonly flowId: string
  readonly client: Duplex
  readonly facts: Facts
  /** Canonical text, where the target was reached before the client was answered. */
  readonly dialled?: string
  /**
   * Reaches the target; to be called once, at once. It may wait for the user: `onAsked` then hears a line for the
   * terminal that says what for, and again when that changes. `gone` when the flow is over meanwhile.
   */
  readonly reach: (onAsked: (line: string) => void) => Promise<Result<SshTarget, Missed>>
  /** Notes the recording in the flow's record. */
  readonly onSession: (sessionId: string) => void
  /** Tells the user something beside the session. */
  readonly tell: (reason: string, sentence: string) => void
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
