/**
 * Opens a recording incrementally: sealed octets in any split go in, frames in order of time come out.
 * Runs in Node and in a browser; memory is a few chunks, whatever the length of the file.
 */
import { err, ok, type Result } from '#lib/result'
import type { Header, SealClass } from '../seal/container-format.ts'
import { type Opener, type UnlockError, unlock } from '../seal/container-opener.ts'
import {
  ContainerParser,
  type FormatError,
  type Piece,
  type Place,
  type Tail,
} from '../seal/container-parser.ts'
import type { RecipientKey } from '../seal/recipient-key.ts'
import type { Frame } from './frame.ts'
import { FrameAssembler } from './frame-assembler.ts'

/** Why reading stopped, and where. */
export type ReadError = Place & {
  readonly reason:
    | FormatError['reason']
    | UnlockError['reason']
    | 'chunk_does_not_open'
    | 'bad_frame'
}

/** What one `push` gave: frames that were authentic before any error, and the error. */
export type ReadStep = { readonly frames: readonly Frame[]; readonly error?: ReadError }

export class RecordingReader {
  readonly #keys: readonly RecipientKey[]
  readonly #parser = new ContainerParser()
  readonly #assembler = new FrameAssembler()
  #opener: Opener | undefined
  #header: Header | undefined

  /** @param keys private keys; the first that a class names is used. */
  constructor(keys: readonly RecipientKey[]) {
    this.#keys = keys
  }

  /** Set as soon as the head was read. */
  get header(): Header | undefined {
    return this.#header
  }

  /** Classes that the keys open; chunks of the others are passed over. */
  get classes(): readonly SealClass[] {
    return this.#opener?.classes ?? []
  }

  /** Takes the next octets; kept without a copy. After an error nothing more may be pushed. */
  async push(bytes: Uint8Array): Promise<ReadStep> {
    const parsed = this.#parser.push(bytes)
    const frames: Frame[] = []
    for (const piece of parsed.ok ? parsed.value : parsed.error.pieces) {
      const read = await this.#read(piece)
      if (!read.ok) return { frames, error: read.error }
      for (const frame of read.value) frames.push(frame)
    }
    if (parsed.ok) return { frames }
    const { pieces: _, ...error } = parsed.error
    return { frames, error }
  }

  /** Call after the last octets. `tail.ended` false: the file has no end, as after a crash. */
  end(): ReadStep & { readonly tail: Tail } {
    const tail = this.#parser.end()
    const rest = this.#assembler.end()
    if (rest.ok) return { frames: rest.value, tail }
    return { frames: [], tail, error: { ...rest.error, offset: tail.offset } }
  }

  async #read(piece: Piece): Promise<Result<readonly Frame[], ReadError>> {
    if (piece.type === 'head') {
      this.#header = piece.header
      const opener = await unlock(piece, this.#keys)
      if (!opener.ok) return err({ ...opener.error, offset: 0 })
      this.#opener = opener.value
      return ok([])
    }
    const place = { chunk: piece.counter, offset: piece.offset }
    const plaintext = await this.#opener?.open(piece)
    if (!plaintext && this.classes.includes(piece.sealClass)) {
      return err({ ...place, reason: 'chunk_does_not_open' })
    }
    const frames = this.#assembler.add(piece, plaintext)
    return frames.ok ? frames : err({ ...place, ...frames.error })
  }
}
