/**
 * Reads SSH data types (RFC 4251 section 5) from untrusted octets.
 * A read past the end gives an empty value and marks the reader as failed for good, so that a message is read
 * straight through and judged once, by `complete` or `failed`. Nothing is copied, and nothing throws.
 */
import { isUtf8 } from 'node:buffer'

const EMPTY = Buffer.alloc(0)
/** RFC 4251 section 5: names are printable US-ASCII without comma. */
const NAME = /^[\x21-\x2b\x2d-\x7e]{1,64}$/
/** No real name-list has more; bounds the work on a hostile one. */
const NAMES_LIMIT = 256

export class SshReader {
  readonly #input: Buffer
  #position = 0
  #failed = false

  constructor(input: Buffer) {
    this.#input = input
  }

  /** True when something was missing or not allowed by its type. */
  get failed(): boolean {
    return this.#failed
  }

  /** True when every octet was read and nothing failed. */
  get complete(): boolean {
    return !this.#failed && this.#position === this.#input.length
  }

  /** True while octets are left; false after a failure, so that loops end. */
  get hasMore(): boolean {
    return !this.#failed && this.#position < this.#input.length
  }

  /** Octets read so far. */
  get position(): number {
    return this.#position
  }

  /** What was not read yet. */
  get rest(): Buffer {
    return this.#input.subarray(this.#position)
  }

  bytes(length: number): Buffer {
    if (this.#failed || length > this.#input.length - this.#position) return this.#fail()
    this.#position += length
    return this.#input.subarray(this.#position - length, this.#position)
  }

  byte(): number {
    return this.bytes(1)[0] ?? 0
  }

  /** Any value but 0 is true, as the RFC says. */
  boolean(): boolean {
    return this.byte() !== 0
  }

  uint32(): number {
    const octets = this.bytes(4)
    return octets.length === 4 ? octets.readUInt32BE(0) : 0
  }

  uint64(): bigint {
    const octets = this.bytes(8)
    return octets.length === 8 ? octets.readBigUInt64BE(0) : 0n
  }

  string(): Buffer {
    return this.bytes(this.uint32())
  }

  /** A string that must be UTF-8: two different octet strings never become the same text. */
  text(): string {
    const octets = this.string()
    if (!isUtf8(octets)) this.#fail()
    return this.#failed ? '' : octets.toString('utf8')
  }

  /** An mpint that must be positive and of the shortest form; without its sign octet. */
  positiveInteger(): Buffer {
    const octets = this.string()
    const [first = 0, second = 0] = octets
    const tooLong = first === 0 && second < 0x80
    if (octets.length === 0 || first >= 0x80 || tooLong) return this.#fail()
    return first === 0 ? octets.subarray(1) : octets
  }

  nameList(): readonly string[] {
    const text = this.string().toString('latin1')
    if (text === '') return []
    const names = text.split(',', NAMES_LIMIT + 1)
    if (names.length <= NAMES_LIMIT && names.every((name) => NAME.test(name))) return names
    this.#fail()
    return []
  }

  #fail(): Buffer {
    this.#failed = true
    return EMPTY
  }
}
