import type { SshReader } from '#lib/ssh/reader'

/** Fields of a request whose end may have been cut off: a cut string is what is here of it. */
export class SftpFields {
  readonly #reader: SshReader
  readonly #cut: boolean
  #ended = false

  constructor(reader: SshReader, cut: boolean) {
    this.#reader = reader
    this.#cut = cut
  }

  /** A field was missing in a packet that is here whole. */
  get failed(): boolean {
    return this.#reader.failed
  }

  text(): string {
    return this.#string().toString('utf8')
  }

  /** Handles are octets; latin1 keeps them apart. */
  handle(): string {
    return this.#string().toString('latin1')
  }

  uint32(): number {
    return this.#has(4) ? this.#reader.uint32() : 0
  }

  offset(): void {
    if (this.#has(8)) this.#reader.uint64()
  }

  #string(): Buffer {
    if (!this.#has(4)) return Buffer.alloc(0)
    const length = this.#reader.uint32()
    if (this.#has(length)) return this.#reader.bytes(length)
    return this.#reader.bytes(this.#reader.rest.length)
  }

  /** False once the cut was reached: all later fields are empty. A packet that is whole fails in the reader instead. */
  #has(octets: number): boolean {
    if (!this.#cut) return true
    this.#ended ||= this.#reader.rest.length < octets
    return !this.#ended
  }
}
