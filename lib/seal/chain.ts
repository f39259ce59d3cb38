/**
 * The hash chain over a sealed file, as a verifier computes it: no key, WebCrypto alone.
 */
import { concat, toHex } from './bytes.ts'
import { hashOf } from './container-format.ts'
import type { Piece } from './container-parser.ts'

const { subtle } = globalThis.crypto

/** Hash of the head, then hash(chain so far | chunk) per chunk, by the hash that the header names. */
export class HashChain {
  #hash: ReturnType<typeof hashOf> = 'SHA-256'
  #chain: Uint8Array = new Uint8Array(0)

  /** Adds the next piece. @returns the chain after it, hex. */
  async add(piece: Piece): Promise<string> {
    if (piece.type === 'head') this.#hash = hashOf(piece.header)
    const parts = piece.type === 'head' ? [piece.bytes] : [this.#chain, piece.head, piece.sealed]
    this.#chain = new Uint8Array(await subtle.digest(this.#hash, concat(parts)))
    return this.value
  }

  get value(): string {
    return toHex(this.#chain)
  }
}
