/**
 * The commands of one channel with a terminal. Where the shell marks its commands, a mark takes the place of what
 * was read from the screen at the prompt; what was typed into programs is read from the screen all the same.
 */
import type { CommandEvent, CommandLine, Moment } from './command-line.ts'
import { ControlScanner, type Found } from './control-scanner.ts'
import { MarkReader, type ShellMark } from './mark-reader.ts'
import { ScreenReader } from './screen-reader.ts'
import { StreamText } from './stream-text.ts'

/** Lines typed at a prompt that wait for a mark; more are told at once. */
const HELD_LIMIT = 64

export class ChannelCommands {
  readonly #screen: ScreenReader
  readonly #scanner = new ControlScanner()
  readonly #typed = new StreamText()
  #marks = new MarkReader(undefined)
  #marked = false
  /** Between a mark that a command starts and the next that it ended. */
  #running = false
  #promptedUs = 0
  #held: readonly CommandLine[] = []

  constructor(size: { readonly columns: number; readonly rows: number }, moment: Moment) {
    this.#screen = new ScreenReader(size, moment)
  }

  /** The shell was given this nonce. */
  expectMarks(nonce: string): void {
    this.#marks = new MarkReader(nonce)
    this.#marked = true
  }

  resize(size: { readonly columns: number; readonly rows: number }): void {
    this.#screen.resize(size)
  }

  async typed(bytes: Uint8Array, moment: Moment): Promise<readonly CommandEvent[]> {
    return this.#hold(await this.#screen.typed(this.#typed.push('input', bytes), moment))
  }

  async printed(bytes: Uint8Array, moment: Moment): Promise<readonly CommandEvent[]> {
    const events: CommandEvent[] = []
    let start = 0
    for (const found of this.#scanner.push(bytes)) {
      events.push(...this.#hold(await this.#screen.printed(bytes.subarray(start, found.end))))
      start = found.end
      const then = { ...moment, outputBytes: moment.outputBytes + found.end }
      events.push(...(await this.#control(found, then)))
    }
    events.push(...this.#hold(await this.#screen.printed(bytes.subarray(start))))
    return events
  }

  async end(): Promise<readonly CommandEvent[]> {
    const rest = await this.#screen.end()
    return [...this.#release(), ...rest]
  }

  async #control(found: Found, moment: Moment): Promise<readonly CommandEvent[]> {
    if (found.type === 'mark') {
      const mark = this.#marks.read(found.text)
      return mark ? this.#mark(mark, moment) : []
    }
    this.#screen.switched(found.on, found.sequence)
    return []
  }

  async #mark(mark: ShellMark, moment: Moment): Promise<readonly CommandEvent[]> {
    const line = (confidence: 'high' | 'low' | 'forged', text: string): CommandLine => {
      return { type: 'command', ...moment, source: 'osc133', confidence, text }
    }
    if (mark.type === 'forged') return [line('forged', mark.text)]
    const wasRunning = this.#running
    this.#running = mark.type !== 'ended'
    if (mark.type === 'ended') {
      this.#promptedUs = moment.timeUs
      const end = { type: 'exit', ...moment, code: mark.code } as const
      return [...this.#release(), ...(wasRunning ? [end] : [])]
    }
    const named = mark.type === 'started' ? mark.text : undefined
    const read = [...this.#release(), ...(await this.#screen.settle(named))]
    if (named !== undefined)
      return [...read.filter((one) => this.#isOfProgram(one)), line('high', named)]
    return read.length > 0 ? read : [line('low', '[not kept in the history of the shell]')]
  }

  /** Typed unseen into the program before the prompt; what was typed at the prompt the mark names. */
  #isOfProgram({ source, timeUs }: CommandLine): boolean {
    return source === 'hidden' && timeUs < this.#promptedUs
  }

  #hold(lines: readonly CommandLine[]): readonly CommandLine[] {
    if (!this.#marked || this.#running) return lines
    this.#held = [...this.#held, ...lines]
    return this.#held.length > HELD_LIMIT ? this.#release() : []
  }

  #release(): readonly CommandLine[] {
    const held = this.#held
    this.#held = []
    return held
  }
}
