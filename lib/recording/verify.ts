/**
 * Says whether a recording is whole. Incremental, pure, in Node and browser; memory is a few chunks.
 *
 * Without a private key it checks the manifest's signature, hash chain, order and end; with one it opens every chunk too.
 * What it cannot say: that the gateway recorded all there was, or that a gateway did not write a new tail before it signed.
 */
import { HashChain } from '../seal/chain.ts'
import type { SealClass } from '../seal/container-format.ts'
import { type Opener, type UnlockError, unlock } from '../seal/container-opener.ts'
import { type Chunk, ContainerParser, type Piece, type Place } from '../seal/container-parser.ts'
import { ChannelTally } from './channel-tally.ts'
import type { Frame } from './frame.ts'
import { FrameAssembler } from './frame-assembler.ts'
import { fingerprintsOf, type Manifest, openManifest, type SignedManifest } from './manifest.ts'
import type { Finding, TamperReason, Verdict, VerifyOptions } from './verdict.ts'

const NO_CLASSES: readonly SealClass[] = []

/** One file. Call `push` until it returns a verdict or the input ends, then `end`. */
export class RecordingVerifier {
  readonly #options: VerifyOptions
  readonly #parser = new ContainerParser()
  readonly #chain = new HashChain()
  readonly #assembler = new FrameAssembler()
  readonly #tally = new ChannelTally()
  #signed: SignedManifest | undefined
  #opener: Opener | undefined
  #recipients: Manifest['recipients'] | undefined
  #chunks = 0
  #bytes = 0
  /** First chunk that no checkpoint has vouched for. */
  #unproven: Place = { offset: 0 }
  #finding: Finding | undefined
  #started = false

  constructor(options: VerifyOptions) {
    this.#options = options
  }

  /** Takes the next octets of the file, kept without a copy. @returns a verdict as soon as there is one. */
  async push(bytes: Uint8Array): Promise<Verdict | undefined> {
    await this.#start()
    if (this.#finding) return this.#verdict(this.#finding)
    const parsed = this.#parser.push(bytes)
    for (const piece of parsed.ok ? parsed.value : parsed.error.pieces) {
      this.#finding ??= await this.#check(piece)
    }
    if (!parsed.ok) this.#finding ??= tampered(parsed.error.reason, parsed.error)
    return this.#finding && this.#verdict(this.#finding)
  }

  /** The verdict, after the last octets. */
  async end(): Promise<Verdict> {
    await this.#start()
    this.#finding ??= this.#conclude()
    return this.#verdict(this.#finding)
  }

  async #start(): Promise<void> {
    if (this.#started || this.#options.manifest === undefined) return
    this.#started = true
    const opened = await openManifest(this.#options.manifest, this.#options.evidenceKeys)
    if (opened.ok) this.#signed = opened.value
    else this.#finding = tampered(opened.error.reason)
  }

  async #check(piece: Piece): Promise<Finding | undefined> {
    const chain = await this.#chain.add(piece)
    if (piece.type === 'chunk') {
      return this.#checkChain(piece, chain) ?? (await this.#openChunk(piece))
    }
    this.#bytes = piece.bytes.length
    this.#unproven = { chunk: 0, offset: piece.bytes.length }
    this.#recipients = fingerprintsOf(piece.header.keys)
    if (this.#signed && this.#signed.manifest.file.head !== chain) {
      return tampered('head_changed', { offset: 0 })
    }
    return this.#checkRecipients() ?? (await this.#unlock(piece))
  }

  #checkRecipients(): Finding | undefined {
    const expected = this.#options.expectRecipients
    const named = Object.values(this.#recipients ?? {}).flat()
    if (!expected || named.every((one) => expected.includes(one))) return undefined
    return tampered('unexpected_recipient', { offset: 0 })
  }

  async #unlock(head: Piece & { type: 'head' }): Promise<Finding | undefined> {
    if (!this.#options.keys) return undefined
    const opener = await unlock(head, this.#options.keys)
    if (!opener.ok) return lockedOut(opener.error.reason)
    this.#opener = opener.value
    return undefined
  }

  #checkChain(chunk: Chunk, chain: string): Finding | undefined {
    this.#chunks++
    this.#bytes += chunk.head.length + chunk.sealed.length
    const file = this.#signed?.manifest.file
    if (!file) return undefined
    const here = { chunk: chunk.counter, offset: chunk.offset }
    if (this.#chunks > file.chunks) return tampered('longer_than_manifest', here)
    const { every, chain: kept } = file.checkpoints
    const wanted = this.#chunks === file.chunks ? file.chain : kept[this.#chunks / every - 1]
    if (wanted === undefined) return undefined
    if (wanted !== chain) return tampered('chain_broken', this.#unproven)
    this.#unproven = { chunk: this.#chunks, offset: this.#bytes }
    return undefined
  }

  async #openChunk(chunk: Chunk): Promise<Finding | undefined> {
    if (!this.#opener) return undefined
    const here = { chunk: chunk.counter, offset: chunk.offset }
    const plaintext = await this.#opener.open(chunk)
    if (!plaintext && this.#opener.classes.includes(chunk.sealClass)) {
      return tampered('chunk_does_not_open', here)
    }
    const frames = this.#assembler.add(chunk, plaintext)
    if (!frames.ok) return tampered('bad_frame', here)
    for (const frame of frames.value) this.#count(frame)
    return undefined
  }

  #count(frame: Frame): void {
    if ('event' in frame) this.#tally.event(frame.event.channel)
    else this.#tally.data(frame.channel, frame.stream, frame.bytes.length)
  }

  #conclude(): Finding {
    const tail = this.#parser.end()
    const manifest = this.#signed?.manifest
    if (!manifest) {
      return { status: 'incomplete', reason: tail.ended ? 'no_manifest' : 'no_end' }
    }
    const complete = manifest.state === 'complete'
    if (this.#bytes !== manifest.file.bytes || (complete && !tail.ended)) {
      return tampered('truncated', tail)
    }
    if (tail.tornBytes > 0) return tampered('longer_than_manifest', tail)
    if (!this.#countsAgree(manifest)) return tampered('counts_differ')
    return complete ? { status: 'complete' } : { status: 'incomplete', reason: 'interrupted' }
  }

  /** Only who opened every class has counted everything, where everything was recorded. */
  #countsAgree({ channels, subject }: Manifest): boolean {
    if (subject['recordScope'] !== undefined) return true
    if (channels === undefined || this.#opener?.classes.length !== 3) return true
    const print = (list: Manifest['channels']) =>
      JSON.stringify(
        list?.map(({ channel, input, output, stderr, events }) => [
          channel,
          input,
          output,
          stderr,
          events,
        ]),
      )
    return print(channels) === print([...this.#tally.channels])
  }

  #verdict(finding: Finding): Verdict {
    return {
      ...finding,
      chunks: this.#chunks,
      bytes: this.#bytes,
      opened: finding.status === 'tampered' ? NO_CLASSES : (this.#opener?.classes ?? NO_CLASSES),
      ...(this.#recipients && { recipients: this.#recipients }),
      ...(this.#signed && { signed: this.#signed }),
      tail: 'not_provable',
    }
  }
}

function tampered(reason: TamperReason, place: Partial<Place> = {}): Finding {
  const { chunk, offset } = place
  return {
    status: 'tampered',
    reason,
    ...(chunk !== undefined && { chunk }),
    ...(offset !== undefined && { offset }),
  }
}

function lockedOut(reason: UnlockError['reason']): Finding {
  return reason === 'not_a_recipient'
    ? { status: 'unverified', reason }
    : tampered(reason, { offset: 0 })
}
