/**
 * What a user types, key by key: enough to know when a line ends, and whether it was typed plainly or edited in ways
 * that only the shell understands. What was typed is compared with the screen, and never shown: it may be a password.
 */

/** A line that was typed and sent. */
export type TypedLine = {
  /** What was typed, after backspaces. Secret. */
  readonly text: string
  /** Keys that change the line in a way that this does not follow: history, completion, cursor movement. */
  readonly edited: boolean
  /** Characters, or keys where they cannot be told. */
  readonly length: number
}

export type KeyEvent =
  | { readonly type: 'first_key' }
  | { readonly type: 'enter'; readonly line: TypedLine }
  /** What was typed ahead is thrown away. */
  | { readonly type: 'interrupt' }

/** A sequence of a terminal or keyboard, whole; a lone ESC waits for what follows. */
const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys are control characters
  /^\u001b(?:\[(?<csi>[\d;:<=>?]*[ -/]*[@-~])|O[ -~]|[\]PX^_](?<reply>[^\u0007\u001b]*)(?:\u0007|\u001b\\)|[^[\]OPX^_])/
/** Answers of a terminal, focus and mouse: no key of a line. */
const ANSWERS = /[cRntyIOMm]$/
/** A sequence longer than this is none. */
const SEQUENCE_LIMIT = 4096
/** A line is compared up to here. */
const LINE_LIMIT = 8192

export class TypedKeys {
  #rest = ''
  #text = ''
  #keys = 0
  #edited = false
  #pasting = false

  /** Takes the next text; calls back for each event in its order. */
  async push(typed: string, onEvent: (event: KeyEvent) => Promise<void>): Promise<void> {
    this.#rest += typed
    while (this.#rest !== '') {
      const taken = this.#next()
      if (taken === undefined) return
      const before = this.#keys
      const event = this.#take(taken)
      if (before === 0 && (this.#keys > 0 || event?.type === 'enter')) {
        await onEvent({ type: 'first_key' })
      }
      if (event) await onEvent(event)
    }
  }

  /** Forgets the line so far, as when a full-screen program took the keys. */
  clear(): void {
    this.#text = ''
    this.#keys = 0
    this.#edited = false
    this.#pasting = false
  }

  /** The next key as text; undefined when its end is still to come. */
  #next(): string | undefined {
    const sequenced = this.#rest.startsWith('\u001b')
    const sequence = sequenced ? SEQUENCE.exec(this.#rest)?.[0] : undefined
    if (sequenced && sequence === undefined && this.#rest.length < SEQUENCE_LIMIT) return undefined
    const key = sequence ?? String.fromCodePoint(this.#rest.codePointAt(0) ?? 0)
    this.#rest = this.#rest.slice(key.length)
    return key
  }

  #take(key: string): KeyEvent | undefined {
    if (key.startsWith('\u001b')) return this.#takeSequence(key)
    if (key === '\r' || key === '\n') return this.#takeEnd()
    if (key === '\u0003' || key === '\u001a' || key === '\u001c') {
      this.clear()
      return { type: 'interrupt' }
    }
    this.#takeKey(key)
    return undefined
  }

  #takeSequence(key: string): undefined {
    const { csi, reply } = SEQUENCE.exec(key)?.groups ?? {}
    if (csi === '200~' || csi === '201~') this.#pasting = csi === '200~'
    else if (reply === undefined && !(csi && ANSWERS.test(csi))) this.#edit()
  }

  #takeEnd(): KeyEvent | undefined {
    if (this.#pasting) {
      this.#type('\n')
      return undefined
    }
    const [text, edited] = [this.#text, this.#edited]
    const line = { text, edited, length: edited ? this.#keys : [...text].length }
    this.clear()
    return { type: 'enter', line }
  }

  #takeKey(key: string): void {
    if (key === '\u0004' && this.#keys === 0) return // ^D ends a program's input, and is in no line
    if (key === '\u007f' || key === '\b') this.#erase()
    else if (key === '\u0015') this.#text = ''
    else if (key === '\u000c')
      this.#keys ||= 1 // ^L draws the line again
    else if (key < ' ') this.#edit()
    else this.#type(key)
  }

  #type(char: string): void {
    this.#keys++
    if (this.#text.length < LINE_LIMIT) this.#text += char
  }

  #erase(): void {
    this.#text = [...this.#text].slice(0, -1).join('')
  }

  #edit(): void {
    this.#keys++
    this.#edited = true
  }
}
