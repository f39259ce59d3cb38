/** What the gateway tells a device of connections that wait for its user. */

/** One thing asked of the user; sent again for every connection that joins, with its destination. */
export type PromptNotice = {
  /** Random: letters, digits, `-` and `_`. */
  readonly promptId: string
  readonly application: string
  /** Destination of the connection that waits. */
  readonly host: string
  readonly port: number
  readonly remedy: 'login' | 'mfa' | 'justify' | 'approval'
  /** What to open; only ever `<login origin>/prompt/<promptId>`. */
  readonly url: string
  /** Why the connection does not go on by itself, a stable code. */
  readonly reason: string
  /** Until when it waits, Unix milliseconds. */
  readonly expiresAtMs: number
}

/** A prompt is over; the connections have gone on, or been told themselves. */
export type PromptEnd = {
  readonly promptId: string
  readonly outcome: 'satisfied' | 'expired' | 'refused'
}
