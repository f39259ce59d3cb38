/**
 * asciicast v2, for asciinema and web players: one channel, as it looked.
 * @see https://docs.asciinema.org/manual/asciicast/v2/
 */
import type { DataFrame, Frame } from './frame.ts'
import type { SessionEvent } from './session-event.ts'
import { StreamText } from './stream-text.ts'
import { secondsOf, type View, type ViewOptions } from './view.ts'

/** What a terminal is taken for when the session never named a size. */
const DEFAULT_SIZE = { columns: 80, rows: 24 }
const STARTS: readonly SessionEvent['type'][] = ['pty', 'shell', 'exec', 'subsystem']

export class AsciicastView implements View {
  readonly #options: ViewOptions
  readonly #text = new StreamText()
  #channel: number | undefined
  #size: { readonly columns: number; readonly rows: number } | undefined
  #term: string | undefined
  #started = false
  #timeUs = 0

  /** Without `channel`, the first one that starts something is shown. */
  constructor(options: ViewOptions) {
    this.#options = options
    this.#channel = options.channel
  }

  push(frame: Frame): string {
    return 'event' in frame ? this.#event(frame.timeUs, frame.event) : this.#data(frame)
  }

  end(): string {
    const rest = this.#text.end().map(([stream, text]) => this.#line(stream, text))
    return (this.#started ? '' : this.#header()) + rest.join('')
  }

  #event(timeUs: number, event: SessionEvent): string {
    if (STARTS.includes(event.type)) this.#channel ??= event.channel
    if (event.channel !== this.#channel) return ''
    if (event.type !== 'pty' && event.type !== 'resize') return ''
    if (event.type === 'pty') this.#term = event.term
    // Clients may ask for a terminal of 0×0 and name its size with the first window change.
    const { columns, rows } = event
    if (columns === 0 || rows === 0) return ''
    this.#size = { columns, rows }
    this.#timeUs = timeUs
    return this.#started ? this.#line('r', `${columns}x${rows}`) : ''
  }

  #data(frame: DataFrame): string {
    this.#channel ??= frame.channel
    const shown = frame.stream !== 'input' || this.#options.input === true
    if (frame.channel !== this.#channel || !shown) return ''
    const header = this.#started ? '' : this.#header()
    this.#timeUs = frame.timeUs
    const text = this.#text.push(frame.stream, frame.bytes)
    return header + (text === '' ? '' : this.#line(frame.stream, text))
  }

  #header(): string {
    this.#started = true
    const { columns: width, rows: height } = this.#size ?? DEFAULT_SIZE
    const timestamp = Math.floor(this.#options.startedAtMs / 1000)
    const env = this.#term === undefined ? {} : { env: { TERM: this.#term } }
    return `${JSON.stringify({ version: 2, width, height, timestamp, ...env })}\n`
  }

  #line(stream: string, text: string): string {
    const code = stream === 'r' ? 'r' : stream === 'input' ? 'i' : 'o'
    // Without a terminal at the target nobody turned line feeds into new lines.
    const shown = code === 'o' && this.#term === undefined ? text.replace(/\r?\n/g, '\r\n') : text
    return `[${secondsOf(this.#timeUs)}, "${code}", ${JSON.stringify(shown)}]\n`
  }
}
