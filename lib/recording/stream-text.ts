/**
 * UTF-8 of several streams at once: packets split characters, and each stream splits its own.
 */
export class StreamText {
  readonly #decoders = new Map<string, InstanceType<typeof TextDecoder>>()

  /** Decodes the next bytes of a stream; half a character waits for its rest. */
  push(stream: string, bytes: Uint8Array): string {
    let decoder = this.#decoders.get(stream)
    if (!decoder) {
      decoder = new TextDecoder('utf-8', { ignoreBOM: true })
      this.#decoders.set(stream, decoder)
    }
    return decoder.decode(bytes, { stream: true })
  }

  /** What is left of each stream: a replacement character where its last one is half. */
  end(): readonly (readonly [stream: string, text: string])[] {
    const rest = [...this.#decoders].map(([stream, decoder]) => [stream, decoder.decode()] as const)
    return rest.filter(([, text]) => text !== '')
  }
}
