/** Datagrams through the tunnel as their users see them; capsules and streams stay behind it. */

/** One datagram exchange, after the gateway's verdict. Datagrams may be lost; they are never reordered by us, never split. */
export interface DatagramFlow {
  /** Sends one payload (at most 65,507 octets); dropped and counted when the tunnel is behind. The payload is copied. */
  send(payload: Uint8Array): void
  /**
   * Takes datagrams that arrive; the view is valid during the call only. One listener; what came before it is kept up
   * to a bound.
   */
  onDatagram(listener: (payload: Uint8Array) => void): void
  close(): void
  /** Datagrams that `send` dropped. */
  readonly dropped: number
  /** Settles once: closed by us, by the gateway (reason of the cut), or with the connection. */
  readonly closed: Promise<{ readonly reason: string }>
}
