/**
 * A recording to read or search: what was printed without control sequences, and events as lines of their own.
 * Printed text could imitate such a line; who must be sure reads the JSON lines.
 */
import type { DataFrame, Frame } from './frame.ts'
import { StreamText } from './stream-text.ts'
import { TerminalFilter } from './terminal-filter.ts'
import { secondsOf, toPrintableJson, type View, type ViewOptions } from './view.ts'

export class TextView implements View {
  readonly #options: ViewOptions
  readonly #text = new StreamText()
  readonly #filters = new Map<string, TerminalFilter>()
  #atLineStart = true

  constructor(options: ViewOptions) {
    this.#options = options
  }

  push(frame: Frame): string {
    const { channel = 'any' } = this.#options
    if ('event' in frame) {
      const { type, channel: of, ...facts } = frame.event
      return channel === 'any' || of === channel ? this.#note(frame.timeUs, of, type, facts) : ''
    }
    if (channel !== 'any' && frame.channel !== channel) return ''
    return frame.stream === 'input' ? this.#input(frame) : this.#output(frame)
  }

  end(): string {
    const rest = this.#text.end().map(([, text]) => text)
    return rest.join('') + (this.#atLineStart ? '' : '\n')
  }

  #output(frame: DataFrame): string {
    const stream = `${frame.channel} ${frame.stream}`
    const filter = this.#filters.get(stream) ?? new TerminalFilter('text')
    this.#filters.set(stream, filter)
    const text = this.#text.push(stream, filter.push(frame.bytes))
    if (text !== '') this.#atLineStart = text.endsWith('\n')
    return text
  }

  #input(frame: DataFrame): string {
    if (this.#options.input !== true) return ''
    const text = this.#text.push(`${frame.channel} input`, frame.bytes)
    return text === '' ? '' : this.#note(frame.timeUs, frame.channel, 'input', { text })
  }

  /** JSON keeps line breaks and control characters of hostile names inside the line. */
  #note(timeUs: number, channel: number, type: string, facts: object): string {
    const lineEnd = this.#atLineStart ? '' : '\n'
    this.#atLineStart = true
    const detail = Object.keys(facts).length > 0 ? ` ${toPrintableJson(facts)}` : ''
    return `${lineEnd}[${secondsOf(timeUs)} channel ${channel}] ${type}${detail}\n`
  }
}
