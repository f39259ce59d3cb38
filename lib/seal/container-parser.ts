/**
 * Cuts a sealed file into head and chunks, in any split of the input, without a key. Memory: one chunk.
 * What it checks needs no secret: layout, order of the counter, one end, nothing after it.
 */
import { err, ok, type Result } from '#lib/result'
import { ByteQueue } from './byte-queue.ts'
import {
  CHUNK_HEAD_BYTES,
  type ChunkHead,
  HEADER_LIMIT_BYTES,
  type Header,
  MAGIC,
  PREFIX_BYTES,
  parseChunkHead,
  parseHeader,
} from './container-format.ts'

/** A piece of the file. */
export type Piece =
  | { readonly type: 'head'; readonly header: Header; readonly bytes: Uint8Array }
  | ({ readonly type: 'chunk' } & Chunk)

export type Chunk = ChunkHead & {
  /** Where it starts in the file. */
  readonly offset: number
  readonly head: Uint8Array
  /** Ciphertext and tag. */
  readonly sealed: Uint8Array
}

/** Why no further piece comes out. */
export type FormatReason =
  | 'not_a_recording'
  | 'bad_header'
  | 'bad_chunk_head'
  | 'chunk_out_of_order'
  | 'data_after_end'

/** A place in a file: `chunk` is absent in the head. */
export type Place = { readonly chunk?: number; readonly offset: number }
export type FormatError = Place & { readonly reason: FormatReason }

/** How the input ended: whether the last chunk was there, and how many octets of a torn piece follow. */
export type Tail = Place & { readonly ended: boolean; readonly tornBytes: number }

type Stage =
  | { readonly wants: 'prefix' }
  | { readonly wants: 'header'; readonly prefix: Uint8Array; readonly sizeBytes: number }
  | { readonly wants: 'chunk' }
  | { readonly wants: 'sealed'; readonly head: Uint8Array; readonly chunk: ChunkHead }
  | { readonly wants: 'end' }

/** A fresh one for each file. After an error it must not be used again. */
export class ContainerParser {
  readonly #queue = new ByteQueue()
  #stage: Stage = { wants: 'prefix' }
  #offset = 0
  #chunks = 0

  /** Takes the next octets, kept without a copy. @returns the pieces that became whole. */
  push(bytes: Uint8Array): Result<readonly Piece[], FormatError & { pieces: readonly Piece[] }> {
    this.#queue.push(bytes)
    const pieces: Piece[] = []
    for (;;) {
      const step = this.#step()
      if (step === 'starved') return ok(pieces)
      if (typeof step === 'string') return err({ ...this.#place(), reason: step, pieces })
      if (step) pieces.push(step)
    }
  }

  /** Says how the input ended; call it after the last `push`. */
  end(): Tail {
    const pending = this.#stage.wants === 'sealed' ? CHUNK_HEAD_BYTES : 0
    const prefix = this.#stage.wants === 'header' ? PREFIX_BYTES : 0
    const tornBytes = this.#queue.length + pending + prefix
    return { ...this.#place(), ended: this.#stage.wants === 'end', tornBytes }
  }

  #place(): Place {
    const inHead = this.#stage.wants === 'prefix' || this.#stage.wants === 'header'
    return inHead ? { offset: 0 } : { chunk: this.#chunks, offset: this.#offset }
  }

  #step(): Piece | FormatReason | 'starved' | undefined {
    const stage = this.#stage
    switch (stage.wants) {
      case 'prefix':
        return this.#takePrefix()
      case 'header':
        return this.#takeHeader(stage)
      case 'chunk':
        return this.#takeChunkHead()
      case 'sealed':
        return this.#takeSealed(stage)
      case 'end':
        return this.#queue.length > 0 ? 'data_after_end' : 'starved'
    }
  }

  #takePrefix(): FormatReason | 'starved' | undefined {
    const prefix = this.#queue.take(PREFIX_BYTES)
    if (!prefix) return 'starved'
    if (!MAGIC.every((octet, index) => prefix[index] === octet)) return 'not_a_recording'
    const view = new DataView(prefix.buffer, prefix.byteOffset)
    const sizeBytes = view.getUint32(MAGIC.length)
    if (sizeBytes > HEADER_LIMIT_BYTES) return 'bad_header'
    this.#stage = { wants: 'header', prefix, sizeBytes }
    return undefined
  }

  #takeHeader(stage: Stage & { wants: 'header' }): Piece | FormatReason | 'starved' {
    const json = this.#queue.take(stage.sizeBytes)
    if (!json) return 'starved'
    const header = parseHeader(json)
    if (!header) return 'bad_header'
    this.#stage = { wants: 'chunk' }
    this.#offset = PREFIX_BYTES + stage.sizeBytes
    const bytes = new Uint8Array(this.#offset)
    bytes.set(stage.prefix)
    bytes.set(json, PREFIX_BYTES)
    return { type: 'head', header, bytes }
  }

  #takeChunkHead(): FormatReason | 'starved' | undefined {
    const head = this.#queue.take(CHUNK_HEAD_BYTES)
    if (!head) return 'starved'
    const chunk = parseChunkHead(head)
    if (!chunk) return 'bad_chunk_head'
    if (chunk.counter !== this.#chunks) return 'chunk_out_of_order'
    this.#stage = { wants: 'sealed', head, chunk }
    return undefined
  }

  #takeSealed({ head, chunk }: Stage & { wants: 'sealed' }): Piece | 'starved' {
    const sealed = this.#queue.take(chunk.sealedBytes)
    if (!sealed) return 'starved'
    const piece = { type: 'chunk', ...chunk, offset: this.#offset, head, sealed } as const
    this.#stage = { wants: chunk.last ? 'end' : 'chunk' }
    this.#offset += CHUNK_HEAD_BYTES + chunk.sealedBytes
    this.#chunks++
    return piece
  }
}
