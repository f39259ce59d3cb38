/**
 * Reads the commands of one interactive channel from its screen: when Enter has been echoed, the text from where typing
 * began to the end of that line is the command, whatever keys made it. What was typed only says which line it is.
 *
 * Bounded: of what is printed between two keys the last 64 KiB are drawn, and nothing inside the alternate screen.
 */
import { type CommandLine, hiddenText, type Moment } from './command-line.ts'
import { type FinishedLine, LineScreen, type Mark } from './line-screen.ts'
import { matchLine, type Seen } from './match-line.ts'
import { OutputTail } from './output-tail.ts'
import { type KeyEvent, TypedKeys, type TypedLine } from './typed-line.ts'

/** Lines that were sent and not yet seen; more are given up, oldest first. */
const SENT_LIMIT = 64
/** What is printed after Enter and searched for its line, in octets. */
const SEARCH_BYTES = 64 * 1024

/** A line that was sent, and not yet seen on the screen. */
type Sent = { readonly line: TypedLine; readonly mark: Mark | undefined; readonly moment: Moment }

type Size = { readonly columns: number; readonly rows: number }

export class ScreenReader {
  readonly #keys = new TypedKeys()
  readonly #tail = new OutputTail()
  /** Made when the first key is pressed: most channels of most sessions are never typed into. */
  #screen: LineScreen | undefined
  #size: Size
  #sent: Sent[] = []
  #mark: Mark | undefined
  /** The last prompt that a command stood behind. */
  #prompt = ''
  #printedSinceEnter = 0
  #moment: Moment
  #alternate = false
  #found: CommandLine[] = []

  constructor(size: Size, moment: Moment) {
    this.#moment = moment
    this.#size = size
  }

  /** Takes what was typed. */
  async typed(text: string, moment: Moment): Promise<readonly CommandLine[]> {
    this.#moment = moment
    if (!this.#alternate) await this.#keys.push(text, (event) => this.#onKey(event))
    return this.#take()
  }

  /** Takes what was printed; it is copied. */
  async printed(bytes: Uint8Array): Promise<readonly CommandLine[]> {
    if (this.#alternate) return []
    this.#tail.push(bytes)
    if (this.#sent.length === 0) return []
    this.#printedSinceEnter += bytes.length
    if (bytes.includes(0x0a)) await this.#draw()
    if (this.#printedSinceEnter > SEARCH_BYTES) this.#giveUp(this.#sent.length)
    return this.#take()
  }

  /** The alternate screen begins (its sequence was printed) or ends: a full-screen program has no command lines. */
  switched(on: boolean, sequence: Uint8Array): void {
    if (on === this.#alternate) return
    this.#alternate = on
    this.#keys.clear()
    if (!on) this.#tail.push(sequence)
  }

  resize(size: Size): void {
    this.#size = size
    this.#screen?.resize(size)
  }

  /**
   * Draws what waits. @param named a command that was sent, and is known by other means: it need not be seen, and what
   * was sent before it will not be.
   */
  async settle(named?: string): Promise<readonly CommandLine[]> {
    if (this.#screen) await this.#draw()
    const at = this.#sent.findIndex(({ line }) => line.text.trim() === named)
    if (at >= 0) {
      this.#giveUp(at)
      this.#sent.shift()
    }
    return this.#take()
  }

  /** The channel is gone: what was sent and not seen never will be. */
  async end(): Promise<readonly CommandLine[]> {
    if (this.#screen) await this.#draw()
    this.#giveUp(this.#sent.length)
    this.#screen?.dispose()
    return this.#take()
  }

  async #onKey(event: KeyEvent): Promise<void> {
    await this.#draw()
    if (event.type === 'first_key') this.#begin()
    else if (event.type === 'enter') this.#enter(event.line)
    else this.#giveUp(this.#sent.length)
  }

  /** Keys that came in one go with the line before were typed before its prompt was there. */
  #begin(): void {
    const ahead = this.#sent.length > 0 && this.#printedSinceEnter === 0
    this.#mark = ahead ? undefined : this.#screen?.mark()
  }

  #enter(line: TypedLine): void {
    if (line.text === '' && !line.edited) return
    if (this.#sent.length === SENT_LIMIT) this.#giveUp(1)
    this.#sent.push({ line, mark: this.#mark, moment: this.#moment })
    this.#printedSinceEnter = 0
  }

  async #draw(): Promise<void> {
    this.#screen ??= new LineScreen(this.#size, (line) => this.#lookAt(line))
    const waiting = this.#tail.take()
    if (waiting.length > 0) await this.#screen.write(waiting)
  }

  /** A line was finished: finds what of the sent lines it is; those sent before that were not shown. */
  #lookAt(finished: FinishedLine): void {
    for (const [at, sent] of this.#sent.entries()) {
      const seen = this.#match(sent, finished)
      if (!seen) continue
      this.#giveUp(at)
      this.#sent.shift()
      this.#add(sent, seen)
      return
    }
  }

  #match({ line, mark }: Sent, finished: FinishedLine): Seen | undefined {
    const seen = matchLine(line, finished, [mark, this.#known()])
    if (seen?.prompt) this.#prompt = seen.prompt
    return seen
  }

  #known(): Mark | undefined {
    return this.#prompt === '' ? undefined : { prompt: this.#prompt, marker: undefined }
  }

  #add({ line, moment }: Sent, { shown, confidence }: Seen): void {
    const text = shown.trim()
    if (text === '') this.#hide(line, moment)
    else this.#found.push({ type: 'command', ...moment, source: 'screen', confidence, text })
  }

  #hide({ length }: TypedLine, moment: Moment): void {
    const text = hiddenText(length)
    this.#found.push({ type: 'command', ...moment, source: 'hidden', confidence: 'low', text })
  }

  /** The oldest lines will not be found any more. */
  #giveUp(count: number): void {
    for (const { line, moment } of this.#sent.splice(0, count)) this.#hide(line, moment)
  }

  #take(): readonly CommandLine[] {
    const found = this.#found
    this.#found = []
    return found
  }
}
