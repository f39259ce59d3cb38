/** DNS messages in a TCP stream: two octets of length, then the message (RFC 1035 section 4.2.2). */

export class MessageFramer {
  readonly #most: number
  #held: Buffer = Buffer.alloc(0)

  /** @param most octets of a message. */
  constructor(most: number) {
    this.#most = most
  }

  /** @returns messages that are whole now; undefined: one is too long, and the stream is of no use any more. */
  push(chunk: Uint8Array): readonly Buffer[] | undefined {
    this.#held = Buffer.concat([this.#held, chunk])
    const whole: Buffer[] = []
    while (this.#held.length >= 2) {
      const length = this.#held.readUInt16BE(0)
      if (length > this.#most) return undefined
      if (this.#held.length < 2 + length) break
      whole.push(this.#held.subarray(2, 2 + length))
      this.#held = this.#held.subarray(2 + length)
    }
    return whole
  }
}

/** A message with its length in front. */
export function frameMessage(message: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(message.length >> 8, message.length & 0xff), message])
}
