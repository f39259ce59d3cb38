/** The seam to SSH inspection: what a flow that is to be enforced as SSH hands over. */
import type { Duplex } from 'node:stream'
import type { Resettable } from '#lib/net/reset-socket-os'
import type { Result } from '#lib/result'
import type { Permit, SshLimits } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Missed } from './missed.ts'

/** A connection to a target: a socket, or a channel through another target. */
export type TargetStream = Resettable & {
  setKeepAlive?(isEnabled: boolean, afterMs: number): unknown
  /** Address from which the target sees the gateway, where that is known. */
  readonly localAddress?: string | undefined
  /** Of a stream of capsules: datagrams that were dropped, both ways together. */
  readonly droppedDatagrams?: number
}

/** A way that a user asks for from inside a session, through its target to another one. */
export type SshHop = {
  /** `host:port`, unchecked. */
  readonly authority: string
  /** Id of that session. */
  readonly parent: string
  /** False: anything may be spoken there, so that it is only taken where policy knows it as SSH. */
  readonly onlySsh: boolean
  /** Answers the user's client. Undefined when it has gone. */
  accept(): Duplex | undefined
  refuse(sentence: string): void
  /** Has the target of the session connect; undefined when it did not. */
  dial(): Promise<TargetStream | undefined>
  /** Ends it at once, before or after the answer. */
  reset(): void
  onGone(listener: () => void): void
}

/** A target that is connected, under a permit that is enforced as SSH. */
export type SshTarget = {
  readonly socket: TargetStream
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
  /** Session inside which the flow came about, by its id. */
  readonly parent?: string
  /** Makes a flow of a way to another target. @returns false when it is none for SSH. */
  readonly hop: (hop: SshHop) => boolean
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
