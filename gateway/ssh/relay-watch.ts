/** Who is told what passes through a relayed connection, and what does not. */
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import type { RefusalReason } from './request-rules.ts'

export type RelayWatch = {
  /** Data of a channel, by its index, just before it is forwarded; valid only during the call. */
  data(channel: number, stream: StreamName, bytes: Buffer): void
  /** As many octets of a forwarding that is not recorded are about to be forwarded. */
  unrecorded(octets: number): void
  event(event: SessionEvent): void
}

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
