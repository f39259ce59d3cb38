/**
 * The few lines of the tar format (POSIX ustar) that a bundle needs: plain files, one spelling, always the same octets for
 * the same members. A reader takes what this writes, and nothing else.
 */
import { ByteQueue } from '../seal/byte-queue.ts'
import { concat, utf8 } from '../seal/bytes.ts'

const BLOCK = 512
/** Twelve octal digits without the last; more than any disk. */
const SIZE_LIMIT = 8 ** 11
const NAME = /^[a-z][a-z.]{0,63}$/

/** What stands before a member. @throws {RangeError} for a name or size that a bundle does not have. */
export function tarHead(name: string, sizeBytes: number): Uint8Array {
  if (!NAME.test(name) || sizeBytes >= SIZE_LIMIT) throw new RangeError('no member of a bundle')
  const head = new Uint8Array(BLOCK)
  const put = (text: string, at: number) => head.set(utf8(text), at)
  put(name, 0)
  put('0000600\0', 100)
  put('0000000\0', 108)
  put('0000000\0', 116)
  put(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124)
  put('00000000000\0', 136)
  put('        0', 148)
  put('ustar\u000000', 257)
  const sum = head.reduce((total, octet) => total + octet, 0)
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return head
}

/** What stands after a member: zeros to the end of the block. */
export function tarPadding(sizeBytes: number): Uint8Array {
  return new Uint8Array((BLOCK - (sizeBytes % BLOCK)) % BLOCK)
}

/** Two blocks of zeros. */
export const TAR_END = new Uint8Array(2 * BLOCK)

export type TarPart = {
  readonly name: string
  readonly bytes: Uint8Array
  /** No more of this member follows. */
  readonly last: boolean
}

type Member = { readonly name: string; readonly sizeBytes: number; left: number }

/** Cuts a bundle into members as it is read. */
export class TarReader {
  readonly #queue = new ByteQueue()
  #member: Member | undefined
  #skip = 0
  #zeros = 0

  /** Takes the next octets. @returns parts in order; undefined for what no bundle holds. */
  push(bytes: Uint8Array): readonly TarPart[] | undefined {
    this.#queue.push(bytes)
    const parts: TarPart[] = []
    for (;;) {
      const part = this.#next()
      if (part === 'starved') return parts
      if (part === 'bad') return undefined
      if (part !== 'skipped') parts.push(part)
    }
  }

  /** Whether the end was there, and nothing after it. */
  get ended(): boolean {
    return this.#zeros === 2 && this.#queue.length === 0
  }

  #next(): TarPart | 'starved' | 'skipped' | 'bad' {
    if (this.#member !== undefined) return this.#takePart(this.#member)
    if (this.#skip > 0) {
      const padding = this.#queue.take(this.#skip)
      if (padding === undefined) return 'starved'
      this.#skip = 0
      return isZero(padding) ? 'skipped' : 'bad'
    }
    if (this.#zeros === 2) return this.#queue.length === 0 ? 'starved' : 'bad'
    const head = this.#queue.take(BLOCK)
    if (head === undefined) return 'starved'
    if (isZero(head)) {
      this.#zeros++
      return 'skipped'
    }
    return this.#zeros === 0 && this.#begin(head) ? 'skipped' : 'bad'
  }

  #begin(head: Uint8Array): boolean {
    const text = (from: number, to: number) => new TextDecoder().decode(head.subarray(from, to))
    const name = text(0, 100).replace(/\0+$/, '')
    const size = text(124, 135)
    if (!NAME.test(name) || !/^[0-7]{11}$/.test(size)) return false
    const sizeBytes = Number.parseInt(size, 8)
    const expected = tarHead(name, sizeBytes)
    if (!head.every((octet, at) => octet === expected[at])) return false
    this.#member = { name, sizeBytes, left: sizeBytes }
    return true
  }

  #takePart(member: Member): TarPart | 'starved' {
    const bytes = this.#queue.take(Math.min(member.left, this.#queue.length))
    if (bytes === undefined || (bytes.length === 0 && member.left > 0)) return 'starved'
    member.left -= bytes.length
    const last = member.left === 0
    if (last) {
      this.#member = undefined
      this.#skip = tarPadding(member.sizeBytes).length
    }
    return { name: member.name, bytes, last }
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((octet) => octet === 0)
}

/** A small member, whole. */
export function tarMember(name: string, content: Uint8Array): Uint8Array {
  return concat([tarHead(name, content.length), content, tarPadding(content.length)])
}
