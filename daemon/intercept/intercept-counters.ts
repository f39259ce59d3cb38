/** What became of packets: totals since the start, and flows open now. */

/** Why a packet, a datagram or a connection went no further. */
export type DropReason =
  /** No whole IP, TCP, UDP or ICMP header, or lengths that contradict each other. */
  | 'malformed'
  | 'bad_checksum'
  | 'fragment'
  /** IPv6 extension headers, IPv4 options. */
  | 'extension_header'
  /** Multicast and broadcast destinations. */
  | 'multicast'
  /** Neither TCP, UDP nor ICMP. */
  | 'protocol'
  /** ICMP that is no echo request. */
  | 'icmp_type'
  /** TCP of a connection that is not known: answered by a reset. */
  | 'unknown_connection'
  /** Nothing is behind the address. */
  | 'unknown_destination'
  /** Connected to the listener itself, not through the device. */
  | 'direct_connection'
  /** As many flows as there may be: TCP is refused, the oldest datagram flow makes room. */
  | 'table_full'
  /** As many half-open connections as there may be: the oldest one makes room. */
  | 'half_open'
  /** More datagrams than wait for a verdict, or for a tunnel that is behind. */
  | 'queue_full'
  /** More questions than may be asked of the resolver at once. */
  | 'dns_busy'
  /** The gateway or a route said no. */
  | 'refused'
  /** The device took no more. */
  | 'device_full'

/** As `zt status` shows them. */
export type InterceptCounters = {
  /** Packets that came from the device. */
  readonly packets: number
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
  readonly open: { readonly tcp: number; readonly udp: number; readonly icmp: number }
}

/** The same, to count with. */
export class Counting implements InterceptCounters {
  packets = 0
  readonly dropped: Partial<Record<DropReason, number>> = {}
  readonly open = { tcp: 0, udp: 0, icmp: 0 }

  drop(reason: DropReason): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1
  }
}
