/** What is to be done with one message of a relayed connection. */
import type { PeerEnd } from './messages.ts'
import type { Side } from './side.ts'

export type RelayAction =
  /** Pass it on as it came. */
  | { readonly kind: 'forward' }
  /** Send these instead, in order. */
  | { readonly kind: 'send'; readonly messages: readonly Outgoing[] }
  | { readonly kind: 'drop' }
  /** The user asks for a way to another target; without one the message is to be taken as any other opening. */
  | HopAction
  /** The side that sent the message broke the protocol: end both connections. */
  | { readonly kind: 'end'; readonly reason: ProtocolBreach }

export type HopAction = {
  readonly kind: 'hop'
  /** As the user wrote it. */
  readonly target: { readonly host: string; readonly port: number }
  readonly peer: PeerEnd
  /** Fields of the channel type; valid only during the call. */
  readonly fields: Buffer
  /** Whether anything but SSH may go there, too. */
  readonly isElseGranted: boolean
}

/** A message of ours. */
export type Outgoing = { readonly to: Side; readonly payload: Buffer }

/** How a peer broke RFC 4254; stable codes for the log. */
export type ProtocolBreach =
  | 'malformed_message'
  | 'unexpected_message'
  | 'unknown_channel'
  | 'channel_reuse'
  | 'window_overflow'
  | 'window_exceeded'
  | 'too_many_unanswered'

export const FORWARD: RelayAction = { kind: 'forward' }
export const DROP: RelayAction = { kind: 'drop' }

export function breach(reason: ProtocolBreach): RelayAction {
  return { kind: 'end', reason }
}

export function send(to: Side, payload: Buffer): RelayAction {
  return { kind: 'send', messages: [{ to, payload }] }
}
