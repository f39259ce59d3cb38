/** Who is told what passes through a relayed connection, and what does not. */
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import type { ForwardTarget } from './forward-target.ts'
import type { RefusalReason } from './request-rules.ts'
import type { Side } from './side.ts'

export type RelayWatch = {
  /** Data of a channel, by its index, just before it is forwarded; valid only during the call. */
  data(channel: number, stream: StreamName, bytes: Buffer): void
  /** As many octets that are not recorded are about to be forwarded from that side. */
  unrecorded(from: Side, octets: number): void
  /** What was granted is about to be asked of the receiver; an event tells of it when it is answered. */
  asking(asked: Asked): void
  event(event: SessionEvent): void
}

/** What a side asks for, before it is forwarded. */
export type Asked =
  /** Files that are to be opened or changed: absolute where that is known. */
  | { readonly kind: 'sftp'; readonly paths: readonly string[] }
  /** Where something is forwarded to, or where the target is to listen. */
  | { readonly kind: 'forward'; readonly target: ForwardTarget }

/** Channel of events that belong to none. */
export const WHOLE_SESSION = -1
/** Longest text of a peer in an event, in characters. */
const TEXT_LIMIT = 256

/** What was refused, and why. */
export type Refusal = {
  readonly channel?: number
  readonly what: string
  readonly reason: RefusalReason
  readonly target?: string | undefined
}

export function tellRefused(watch: Pick<RelayWatch, 'event'>, refusal: Refusal): void {
  const { channel = WHOLE_SESSION, what, reason, target } = refusal
  watch.event({
    type: 'refused',
    channel,
    what: what.slice(0, TEXT_LIMIT),
    reason,
    ...(target === undefined ? {} : { target: target.slice(0, TEXT_LIMIT) }),
  })
}
