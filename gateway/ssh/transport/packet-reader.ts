/**
 * Cuts a byte stream into packets (RFC 4253 section 6), in any split, without gathering chunks:
 * only the packet that straddles two chunks is copied, into a buffer of its own size.
 */
import { CLEAR } from './packet-cipher.ts'
import type { PacketOpener } from './packet-protection.ts'

export type PacketRefusal = 'bad_packet_length' | 'bad_mac' | 'bad_padding' | 'sequence_exhausted'

/** RFC 4253 section 6.1: what everyone must take. Before authentication nothing longer is (T02). */
export const UNAUTHENTICATED_LENGTH_LIMIT = 35_000
/** As OpenSSH's own limit (packet.h, SSH_PACKET_MAX). */
export const LENGTH_LIMIT = 256 * 1024

const EMPTY: Buffer = Buffer.alloc(0)
const LENGTH_OCTETS = 4
/** RFC 4253 section 6: padding of 4 at least; and an empty payload is no message. */
const LEAST_PADDING = 4
const LEAST_LENGTH = 1 + 1 + LEAST_PADDING
/** A nonce or MAC would repeat (RFC 4344 section 3.1). */
const SEQUENCES = 2 ** 32

export class PacketReader {
  /** Longest packet_length taken. */
  lengthLimit = UNAUTHENTICATED_LENGTH_LIMIT
  /** Packets and octets since the keys last changed. */
  packets = 0
  octets = 0
  #opener: PacketOpener = CLEAR
  #sequence = 0
  /** What is left of the current chunk. */
  #rest = EMPTY
  /** Beginning of a packet whose end has not come; full up to `#carried`. */
  #carry: Buffer | undefined
  #carried = 0
  /** packet_length of the packet being read, once known. */
  #length: number | undefined

  /** Sequence number of the next packet. */
  get sequence(): number {
    return this.#sequence
  }

  /** New keys from the next packet on. */
  setOpener(opener: PacketOpener, resetsSequence: boolean): void {
    this.#opener = opener
    this.packets = 0
    this.octets = 0
    if (resetsSequence) this.#sequence = 0
  }

  /**
   * Takes a chunk, which may be decrypted in place.
   * @param deliver gets each body (padding length, payload, padding); returns false to stop for good.
   * @returns why the stream is broken, or undefined.
   */
  receive(chunk: Buffer, deliver: (body: Buffer) => boolean): PacketRefusal | undefined {
    this.#rest = chunk
    for (;;) {
      const packet = this.#nextPacket()
      if (packet === undefined || typeof packet === 'string') return packet
      const body = this.#opener.open(packet, this.#sequence)
      if (body === undefined) return 'bad_mac'
      if (!isPaddingRight(body)) return 'bad_padding'
      if (++this.packets > SEQUENCES - 1) return 'sequence_exhausted'
      this.#sequence = (this.#sequence + 1) >>> 0
      this.octets += packet.length
      if (!deliver(body)) {
        this.#rest = EMPTY
        return undefined
      }
    }
  }

  /** The next whole packet, or undefined when more octets are needed. */
  #nextPacket(): Buffer | 'bad_packet_length' | undefined {
    if (this.#length === undefined) {
      const head = this.#take(this.#opener.headOctets)
      if (head === undefined) return undefined
      const length = this.#opener.packetLength(head, this.#sequence)
      if (!this.#isLengthRight(length)) return 'bad_packet_length'
      this.#length = length
    }
    const size = LENGTH_OCTETS + this.#length + this.#opener.trailerOctets
    const source = this.#take(size)
    if (source === undefined) return undefined
    if (this.#carry === undefined) this.#rest = source.subarray(size)
    this.#carry = undefined
    this.#length = undefined
    return source.subarray(0, size)
  }

  /** Checked before a single octet is set aside for the packet (T02). */
  #isLengthRight(length: number): boolean {
    const padded = length + (this.#opener.padsLength ? LENGTH_OCTETS : 0)
    const isAligned = padded % this.#opener.blockOctets === 0
    return isAligned && length >= LEAST_LENGTH && length <= this.lengthLimit
  }

  /** A buffer that begins with the packet and holds `count` octets at least; else all there is goes to the carry. */
  #take(count: number): Buffer | undefined {
    if (this.#carry === undefined && this.#rest.length >= count) return this.#rest
    if (this.#rest.length === 0 && this.#carry === undefined) return undefined
    const carry = this.#carryOf(count)
    const copied = this.#rest.copy(carry, this.#carried, 0, count - this.#carried)
    this.#carried += copied
    this.#rest = this.#rest.subarray(copied)
    return this.#carried >= count ? carry : undefined
  }

  #carryOf(count: number): Buffer {
    const before = this.#carry
    if (before !== undefined && before.length >= count) return before
    const carry = Buffer.allocUnsafeSlow(count)
    if (before === undefined) this.#carried = 0
    else before.copy(carry, 0, 0, this.#carried)
    this.#carry = carry
    return carry
  }
}

function isPaddingRight(body: Buffer): boolean {
  const padding = body[0] ?? 0
  return padding >= LEAST_PADDING && padding + 2 <= body.length
}
