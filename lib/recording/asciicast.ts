/**
 * asciicast, for asciinema and web players: one channel, as it looked. The output stands in it unchanged (JSON-escaped):
 * what plays it must treat it as hostile.
 * Version 2 has times since the start; version 3 has times since the line before, and how the program ended.
 * @see https://docs.asciinema.org/manual/asciicast/v2/ and https://docs.asciinema.org/manual/asciicast/v3/
 */
import type { DataFrame, Frame } from './frame.ts'
import { OneChannel } from './one-channel.ts'
import type { SessionEvent } from './session-event.ts'
import { StreamText } from './stream-text.ts'
import { secondsOf, toPrintableJson, type View, type ViewOptions } from './view.ts'

export type AsciicastVersion = 2 | 3

type Code = 'o' | 'i' | 'r' | 'x'

/** What a terminal is taken for when the session never named a size. */
const DEFAULT_SIZE = { columns: 80, rows: 24 }

export class AsciicastView implements View {
  readonly #options: ViewOptions
  readonly #version: AsciicastVersion
  readonly #shown: OneChannel
  readonly #text = new StreamText()
  #size: { readonly columns: number; readonly rows: number } | undefined
  #term: string | undefined
  #started = false
  #timeUs = 0
  /** Time of the last line that was written. */
  #writtenUs = 0

  constructor(options: ViewOptions, version: AsciicastVersion = 2) {
    this.#options = options
    this.#version = version
    this.#shown = new OneChannel(options.channel)
  }

  push(frame: Frame): string {
    if (!this.#shown.has(frame)) return ''
    return 'event' in frame ? this.#event(frame.timeUs, frame.event) : this.#data(frame)
  }

  end(): string {
    return (this.#started ? '' : this.#header()) + this.#halves()
  }

  #event(timeUs: number, event: SessionEvent): string {
    if (event.type === 'pty' || event.type === 'resize') return this.#resized(timeUs, event)
    if (event.type !== 'exit_status' || this.#version === 2) return ''
    const before = this.end()
    this.#timeUs = timeUs
    return before + this.#line('x', String(event.code))
  }

  #resized(timeUs: number, event: SessionEvent & { readonly type: 'pty' | 'resize' }): string {
    if (event.type === 'pty') this.#term = event.term
    // Clients may ask for a terminal of 0×0 and name its size with the first window change.
    const { columns, rows } = event
    if (columns === 0 || rows === 0) return ''
    this.#size = { columns, rows }
    this.#timeUs = timeUs
    return this.#started ? this.#line('r', `${columns}x${rows}`) : ''
  }

  #data(frame: DataFrame): string {
    if (frame.stream === 'input' && this.#options.input !== true) return ''
    const header = this.#started ? '' : this.#header()
    this.#timeUs = frame.timeUs
    const text = this.#text.push(frame.stream, frame.bytes)
    return header + (text === '' ? '' : this.#line(codeOf(frame.stream), text))
  }

  /** A character of which only the beginning came. */
  #halves(): string {
    const lines = this.#text.end().map(([stream, text]) => this.#line(codeOf(stream), text))
    return lines.join('')
  }

  #header(): string {
    this.#started = true
    const { columns, rows } = this.#size ?? DEFAULT_SIZE
    const timestamp = Math.floor(this.#options.startedAtMs / 1000)
    const type = this.#term
    const header =
      this.#version === 2
        ? {
            version: 2,
            width: columns,
            height: rows,
            timestamp,
            ...(type && { env: { TERM: type } }),
          }
        : { version: 3, term: { cols: columns, rows, ...(type && { type }) }, timestamp }
    return `${toPrintableJson(header)}\n`
  }

  #line(code: Code, text: string): string {
    const timeUs = this.#version === 2 ? this.#timeUs : this.#timeUs - this.#writtenUs
    this.#writtenUs = this.#timeUs
    // Without a terminal at the target nobody turned line feeds into new lines.
    const shown = code === 'o' && this.#term === undefined ? text.replace(/\r?\n/g, '\r\n') : text
    return `[${secondsOf(timeUs)}, "${code}", ${toPrintableJson(shown)}]\n`
  }
}

function codeOf(stream: string): Code {
  return stream === 'input' ? 'i' : 'o'
}
