/**
 * The hash chain over a sealed file, as a verifier computes it: no key, WebCrypto alone.
 */
import { concat, toHex } from './bytes.ts'
import type { Piece } from './container-parser.ts'

const { subtle } = globalThis.crypto

/** SHA-512 of the head, then SHA-512(chain so far | chunk) per chunk. */
export class HashChain {
  #chain: Uint8Array = new Uint8Array(0)

  /** Adds the next piece. @returns the chain after it, hex. */
  async add(piece: Piece): Promise<string> {
    const parts = piece.type === 'head' ? [piece.bytes] : [this.#chain, piece.head, piece.sealed]
    this.#chain = new Uint8Array(await subtle.digest('SHA-512', concat(parts)))
    return this.value
  }

  get value(): string {
    return toHex(this.#chain)
  }
}
