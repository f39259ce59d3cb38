/**
 * The binary packet as bytes on the wire (RFC 4253 section 6): `uint32 length, body, trailer`, where the body is
 * `byte padding length, payload, padding` and the trailer a tag or MAC.
 */

/** Layout of the packets of one cipher. */
export type PacketLayout = {
  /** Octets after the body. */
  readonly trailerOctets: number
  /** The padded part is a multiple of this. */
  readonly blockOctets: number
  /** Whether the length field counts as part of the padded part. */
  readonly padsLength: boolean
}

/** Turns packets from the peer into bodies. */
export interface PacketOpener extends PacketLayout {
  /** Octets that `packetLength` wants to see. */
  readonly headOctets: number
  /** The length field, not yet authenticated; asked exactly once for each packet. */
  packetLength(head: Buffer, sequence: number): number
  /** Verifies and decrypts a whole packet, perhaps in place; undefined when tag or MAC is wrong. */
  open(packet: Buffer, sequence: number): Buffer | undefined
}

/** Protects packets for the peer. */
export interface PacketSealer extends PacketLayout {
  /** Encrypts in place: length and body are there, the trailer is room to be filled. */
  seal(packet: Buffer, sequence: number): void
}
