/**
 * What a transport sends: held back from our KEXINIT to our NEWKEYS where it has to be (RFC 4253 section 7.1), and
 * within bounds while the peer does not read.
 */
import { FIRST_UPPER_MESSAGE, MESSAGE } from '#lib/ssh/message-numbers'
import type { PacketWriter } from './packet-writer.ts'
import type { ReceivedPacket } from './transport-types.ts'

/** A nonce would repeat. */
const SEQUENCES = 2 ** 32
const BACKLOG = { high: 2 ** 20, low: 2 ** 18 }
/** Nobody who heeds `backlogged` gets here; a peer that makes us answer and never reads does. */
const OUTPUT_LIMIT = 16 * 2 ** 20

export type OutgoingEvents = {
  /** `backlogged` turned false again. */
  readonly onDrain: () => void
  /** The connection has to end. */
  readonly onRefused: (reason: 'output_overflow' | 'sequence_exhausted') => void
  readonly onUserAuthSuccess: () => void
}

export class OutgoingPackets {
  /** As `SshTransport.backlogged`. */
  backlogged = false
  readonly #writer: PacketWriter
  readonly #events: OutgoingEvents
  /** Messages of type 50 and more. */
  #held: Buffer[] | undefined
  #heldOctets = 0
  #isOver = false

  constructor(writer: PacketWriter, events: OutgoingEvents) {
    this.#writer = writer
    this.#events = events
  }

  /** Octets produced and not yet reported written, what is held included. */
  get bufferedOctets(): number {
    return this.#writer.bufferedOctets + this.#heldOctets
  }

  send(payload: Buffer): void {
    if (this.#mustHold(payload)) this.#hold(Buffer.from(payload))
    else this.sendNow(payload)
  }

  forward(packet: ReceivedPacket): void {
    const isKept = !this.#mustHold(packet.payload) && this.#writer.sendFramed(packet.framed)
    if (isKept) this.#sent(packet.type)
    else this.send(packet.payload)
  }

  /** Sends a message that a key exchange does not hold back. */
  sendNow(payload: Buffer): void {
    if (this.#isOver) return
    this.#writer.send(payload)
    this.#sent(payload[0] ?? 0)
  }

  /** Our KEXINIT went out. */
  holdBack(): void {
    this.#held = []
  }

  /** Our NEWKEYS went out. */
  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    this.#heldOctets = 0
    for (const payload of held) this.sendNow(payload)
  }

  /** To be called each time octets were reported written. */
  drained(): void {
    if (!this.backlogged || this.#isOver || this.bufferedOctets >= BACKLOG.low) return
    this.backlogged = false
    this.#events.onDrain()
  }

  /** Hands over what is waiting for the socket, drops what is held, and sends nothing more. */
  end(): void {
    this.#isOver = true
    this.#held = undefined
    this.#heldOctets = 0
    this.#writer.flush()
  }

  #mustHold(payload: Buffer): boolean {
    return this.#held !== undefined && (payload[0] ?? 0) >= FIRST_UPPER_MESSAGE
  }

  #hold(payload: Buffer): void {
    this.#held?.push(payload)
    this.#heldOctets += payload.length
    this.#checkBuffered()
  }

  #sent(type: number): void {
    if (type === MESSAGE.userAuthSuccess) this.#events.onUserAuthSuccess()
    this.#checkBuffered()
    if (this.#writer.packets >= SEQUENCES) this.#events.onRefused('sequence_exhausted')
  }

  #checkBuffered(): void {
    const buffered = this.bufferedOctets
    if (buffered > BACKLOG.high) this.backlogged = true
    if (buffered > OUTPUT_LIMIT) this.#events.onRefused('output_overflow')
  }
}
