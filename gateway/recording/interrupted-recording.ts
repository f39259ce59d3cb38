/**
 * What a crash or a write error left of a recording: how far it is whole, and the hash chain up to there.
 * The gateway cannot open it; whole chunks are all it sees.
 */
import { HashChain } from '#lib/seal/chain'
import { CheckpointSampler } from '#lib/seal/checkpoints'
import type { Header } from '#lib/seal/container-format'
import { ContainerParser, type Piece } from '#lib/seal/container-parser'
import type { ContainerState } from '#lib/seal/container-writer'

/** `ended`: the last chunk is there; only the manifest was missing. */
export type Remains = {
  readonly header: Header
  readonly file: ContainerState
  readonly ended: boolean
}

/** Reads a file from its start; one for each file. */
export class InterruptedRecording {
  readonly #parser = new ContainerParser()
  readonly #chain = new HashChain()
  readonly #checkpoints = new CheckpointSampler()
  #header: Header | undefined
  #head = ''
  #chunks = 0
  #bytes = 0
  #broken = false

  /** Takes the next octets. @returns false when what follows is of no use. */
  async push(bytes: Uint8Array): Promise<boolean> {
    if (this.#broken) return false
    const parsed = this.#parser.push(bytes)
    for (const piece of parsed.ok ? parsed.value : parsed.error.pieces) await this.#add(piece)
    this.#broken = !parsed.ok
    return parsed.ok
  }

  /** What is whole; undefined when not even the head is. */
  end(): Remains | undefined {
    if (!this.#header) return undefined
    const file = {
      head: this.#head,
      chain: this.#chain.value,
      chunks: this.#chunks,
      bytes: this.#bytes,
      checkpoints: this.#checkpoints.value,
    }
    return { header: this.#header, file, ended: this.#parser.end().ended }
  }

  async #add(piece: Piece): Promise<void> {
    const chain = await this.#chain.add(piece)
    if (piece.type === 'head') {
      this.#header = piece.header
      this.#head = chain
      this.#bytes = piece.bytes.length
      return
    }
    this.#chunks++
    this.#bytes += piece.head.length + piece.sealed.length
    this.#checkpoints.add(this.#chunks, () => chain)
  }
}
