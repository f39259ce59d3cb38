/**
 * Builds packets (RFC 4253 section 6) one after the other in a large buffer, encrypts each in its place, and hands the
 * buffer over once for all that was sent within one turn.
 */
import { randomFillSync } from 'node:crypto'
import { giveOutputBuffer, OUTPUT_BUFFER_OCTETS, takeOutputBuffer } from './output-buffers.ts'
import { CLEAR } from './packet-cipher.ts'
import type { PacketSealer } from './packet-protection.ts'

const LENGTH_OCTETS = 4
const LEAST_PADDING = 4
/** A flush up to this size is copied, so that a slow peer of a quiet session does not hold a large buffer. */
const SMALL_FLUSH_OCTETS = 4096

/** Random padding, drawn in bulk: one call for each packet would cost more than its encryption. */
const padding = Buffer.alloc(8192)
let paddingUsed = padding.length

export class PacketWriter {
  /** Packets and octets since the keys last changed. */
  packets = 0
  octets = 0
  /** Octets handed out or waiting, not yet reported written. */
  bufferedOctets = 0
  #sealer: PacketSealer = CLEAR
  #sequence = 0
  #buffer: Buffer | undefined
  #used = 0
  #isFlushDue = false
  readonly #output: (bytes: Buffer, written: () => void) => void
  readonly #onWritten: () => void

  /** @param onWritten called each time octets were reported written. */
  constructor(output: (bytes: Buffer, written: () => void) => void, onWritten: () => void) {
    this.#output = output
    this.#onWritten = onWritten
  }

  /** New keys from the next packet on. */
  setSealer(sealer: PacketSealer, resetsSequence: boolean): void {
    this.#sealer = sealer
    this.packets = 0
    this.octets = 0
    if (resetsSequence) this.#sequence = 0
  }

  /** Octets that are no packet: our identification. */
  sendRaw(bytes: Buffer): void {
    this.#reserve(bytes.length).set(bytes)
  }

  /** Sends a payload with fresh random padding. */
  send(payload: Buffer): void {
    const { blockOctets } = this.#sealer
    const padded = 1 + payload.length + (this.#sealer.padsLength ? LENGTH_OCTETS : 0)
    let count = blockOctets - (padded % blockOctets)
    if (count < LEAST_PADDING) count += blockOctets
    const packet = this.#beginPacket(1 + payload.length + count)
    packet[LENGTH_OCTETS] = count
    packet.set(payload, LENGTH_OCTETS + 1)
    packet.set(randomPadding(count), LENGTH_OCTETS + 1 + payload.length)
    this.#finishPacket(packet)
  }

  /** Sends a body with the padding it has; false when our cipher wants another length. */
  sendFramed(body: Buffer): boolean {
    const padded = body.length + (this.#sealer.padsLength ? LENGTH_OCTETS : 0)
    if (padded % this.#sealer.blockOctets !== 0) return false
    const packet = this.#beginPacket(body.length)
    packet.set(body, LENGTH_OCTETS)
    this.#finishPacket(packet)
    return true
  }

  /** Hands over what is waiting. */
  flush(): void {
    this.#isFlushDue = false
    const buffer = this.#buffer
    const used = this.#used
    if (buffer === undefined || used === 0) return
    this.#buffer = undefined
    this.#used = 0
    const isSmall = used <= SMALL_FLUSH_OCTETS
    const bytes = isSmall ? Buffer.from(buffer.subarray(0, used)) : buffer.subarray(0, used)
    if (isSmall) giveOutputBuffer(buffer)
    this.#output(bytes, () => {
      if (!isSmall) giveOutputBuffer(buffer)
      this.bufferedOctets -= used
      this.#onWritten()
    })
  }

  #beginPacket(length: number): Buffer {
    const packet = this.#reserve(LENGTH_OCTETS + length + this.#sealer.trailerOctets)
    packet.writeUInt32BE(length, 0)
    return packet
  }

  #finishPacket(packet: Buffer): void {
    this.#sealer.seal(packet, this.#sequence)
    this.#sequence = (this.#sequence + 1) >>> 0
    this.packets++
    this.octets += packet.length
  }

  #reserve(size: number): Buffer {
    if (this.#buffer !== undefined && this.#used + size > this.#buffer.length) this.flush()
    this.#buffer ??= size > OUTPUT_BUFFER_OCTETS ? Buffer.allocUnsafeSlow(size) : takeOutputBuffer()
    const start = this.#used
    this.#used += size
    this.bufferedOctets += size
    this.#scheduleFlush()
    return this.#buffer.subarray(start, start + size)
  }

  #scheduleFlush(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    queueMicrotask(() => this.flush())
  }
}

function randomPadding(count: number): Buffer {
  if (paddingUsed + count > padding.length) {
    randomFillSync(padding)
    paddingUsed = 0
  }
  paddingUsed += count
  return padding.subarray(paddingUsed - count, paddingUsed)
}
