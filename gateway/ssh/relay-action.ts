/** What is to be done with one message of a relayed connection. */
import type { Side } from './side.ts'

export type RelayAction =
  /** Pass it on as it came. */
  | { readonly kind: 'forward' }
  /** Send these instead, in order. */
  | { readonly kind: 'send'; readonly messages: readonly Outgoing[] }
  | { readonly kind: 'drop' }
  /** The side that sent the message broke the protocol: end both connections. */
  | { readonly kind: 'end'; readonly reason: ProtocolBreach }

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
