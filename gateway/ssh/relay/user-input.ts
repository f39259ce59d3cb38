/** What a user sends, in order: passed on, or kept while it may not pass. */
import type { ReceivedPacket } from '../transport/transport-types.ts'

/** Octets that are kept; then the user is read no more. */
const KEPT_LIMIT_BYTES = 256 * 1024

export class UserInput {
  readonly #pass: (packet: ReceivedPacket) => void
  #kept: ReceivedPacket[] = []
  #keptBytes = 0
  #isPaused = false

  constructor(pass: (packet: ReceivedPacket) => void) {
    this.#pass = pass
  }

  get isFull(): boolean {
    return this.#keptBytes >= KEPT_LIMIT_BYTES
  }

  /** Takes a packet, whose octets are valid only during the call. */
  take(packet: ReceivedPacket): void {
    if (this.#isPaused) this.#keep(packet)
    else this.#pass(packet)
  }

  /** Nothing passes from here on. */
  pause(): void {
    this.#isPaused = true
  }

  /** What was kept passes, and then what comes. */
  resume(): void {
    const kept = this.#kept
    this.#kept = []
    this.#keptBytes = 0
    this.#isPaused = false
    for (const packet of kept) this.take(packet)
  }

  #keep({ type, payload, framed }: ReceivedPacket): void {
    this.#kept.push({ type, payload: Buffer.from(payload), framed: Buffer.from(framed) })
    this.#keptBytes += framed.length
  }
}
