/**
 * Lets of a recorded terminal stream pass only what draws (for replay), or only its text.
 * Works octet by octet, so that any split of the stream gives the same result.
 */
import { allowsControl, allowsCsi, allowsEscape } from './terminal-rules.ts'

/** `draw` keeps harmless control sequences; `text` keeps none, and of controls only line ends and tabs. */
export type FilterMode = 'draw' | 'text'

type State = 'ground' | 'escape' | 'csi' | 'string' | 'string_escape'

/** Both abort a sequence. */
const CAN = 0x18
const SUB = 0x1a
const ESC = 0x1b
const LF = 0x0a
const CR = 0x0d
const BEL = 0x07
/** A sequence longer than this is dropped as it goes on. */
const SEQUENCE_LIMIT = 64

export class TerminalFilter {
  readonly #mode: FilterMode
  #state: State = 'ground'
  #sequence = ''
  /** Octets of a UTF-8 character that are still to come. */
  #continuations = 0
  #lead: number | undefined
  #carriageReturn = false
  #out: number[] = []

  constructor(mode: FilterMode) {
    this.#mode = mode
  }

  /** The part of the next octets that may be shown. */
  push(bytes: Uint8Array): Uint8Array {
    this.#out = []
    for (const octet of bytes) this.#take(octet)
    return Uint8Array.from(this.#out)
  }

  #take(octet: number): void {
    if (this.#lead !== undefined) this.#takeAfterLead(octet)
    else if (octet === CAN || octet === SUB) this.#begin('ground')
    else if (octet === ESC && this.#state !== 'string') this.#begin('escape')
    else this.#takeInState(octet)
  }

  #takeInState(octet: number): void {
    if (this.#state === 'ground') this.#takeGround(octet)
    else if (this.#state === 'escape') this.#takeEscape(octet)
    else if (this.#state === 'csi') this.#takeCsi(octet)
    else if (this.#state === 'string') this.#takeString(octet)
    else this.#takeAfterString(octet)
  }

  #takeGround(octet: number): void {
    const continues = this.#continuations > 0 && (octet & 0xc0) === 0x80
    this.#continuations = continues ? this.#continuations - 1 : 0
    if (continues) this.#emit(octet)
    else if (octet === 0xc2) this.#lead = octet
    else if (octet >= 0xc3) this.#startCharacter(octet)
    else if (octet >= 0x20 && octet < 0x7f) this.#emit(octet)
    else if (octet < 0x20) this.#takeControl(octet)
    // A stray octet from 0x7f to 0xbf is no text, and could be an eight-bit control.
  }

  #startCharacter(octet: number): void {
    this.#continuations = octet >= 0xf0 ? 3 : octet >= 0xe0 ? 2 : 1
    this.#emit(octet)
  }

  /** U+0080 to U+009F are controls too: U+009B is CSI, U+009D is OSC. */
  #takeAfterLead(octet: number): void {
    this.#lead = undefined
    if (octet >= 0x80 && octet < 0xa0) {
      this.#begin('escape')
      this.#takeEscape(octet - 0x40)
    } else {
      const continues = (octet & 0xc0) === 0x80
      if (continues) this.#emit(0xc2)
      this.#continuations = continues ? 1 : 0
      this.#take(octet)
    }
  }

  #takeControl(octet: number): void {
    if (this.#mode === 'draw') {
      if (allowsControl(octet)) this.#emit(octet)
    } else if (octet === LF || octet === CR) {
      this.#takeLineEnd(octet)
    } else if (octet === 0x09) {
      this.#emit(octet)
    }
  }

  /** CR LF is one line end; a CR alone started the line again, which text shows as a new one. */
  #takeLineEnd(octet: number): void {
    const afterReturn = this.#carriageReturn
    this.#carriageReturn = octet === CR
    if (octet === LF && afterReturn) this.#out.push(LF)
    else if (octet === LF) this.#emit(LF)
  }

  #takeEscape(octet: number): void {
    const char = String.fromCharCode(octet)
    if (this.#sequence === '' && char === '[') this.#begin('csi')
    else if (this.#sequence === '' && ']PX^_'.includes(char)) this.#begin('string')
    else this.#takeShortEscape(octet, this.#sequence + char)
  }

  #takeShortEscape(octet: number, sequence: string): void {
    this.#sequence = sequence
    const intermediate = octet >= 0x20 && octet < 0x30
    if (intermediate && sequence.length < 3) return
    if (allowsEscape(sequence)) this.#emitSequence(sequence)
    this.#begin('ground')
  }

  #takeCsi(octet: number): void {
    if (this.#sequence.length < SEQUENCE_LIMIT) this.#sequence += String.fromCharCode(octet)
    if (octet < 0x40 || octet > 0x7e) return
    const whole = this.#sequence.length < SEQUENCE_LIMIT
    if (whole && allowsCsi(this.#sequence)) this.#emitSequence(`[${this.#sequence}`)
    this.#begin('ground')
  }

  #takeString(octet: number): void {
    if (octet === BEL) this.#begin('ground')
    else if (octet === ESC) this.#state = 'string_escape'
  }

  /** Any ESC ends a string: what follows is `\`, which shows nothing, or starts the next sequence. */
  #takeAfterString(octet: number): void {
    this.#begin('escape')
    this.#takeEscape(octet)
  }

  #begin(state: State): void {
    this.#state = state
    this.#sequence = ''
    this.#continuations = 0
  }

  #emitSequence(sequence: string): void {
    if (this.#mode === 'text') return
    this.#out.push(ESC)
    for (const char of sequence) this.#out.push(char.charCodeAt(0))
  }

  #emit(octet: number): void {
    if (this.#carriageReturn) this.#out.push(LF)
    this.#carriageReturn = false
    this.#out.push(octet)
  }
}
