/**
 * A recording for `scriptreplay` of util-linux, as two files: what was said, and when (`script --log-timing`, the
 * format with letters). One channel; octets stay as they were, so a replay shows them to a terminal unfiltered.
 * @see script(1), scriptreplay(1)
 */
import { concat, utf8 } from '../seal/bytes.ts'
import type { Frame } from './frame.ts'
import { OneChannel } from './one-channel.ts'
import type { SessionEvent } from './session-event.ts'
import { secondsOf, type View, type ViewOptions } from './view.ts'

const NOTHING = new Uint8Array(0)

/** The octets of all streams, after a first line that `scriptreplay` leaves out. */
export class TypescriptView implements View<Uint8Array> {
  readonly #options: ViewOptions
  readonly #shown: OneChannel
  #head: Uint8Array

  constructor(options: ViewOptions) {
    this.#options = options
    this.#shown = new OneChannel(options.channel)
    this.#head = utf8(`Script started on ${startOf(options)}\n`)
  }

  push(frame: Frame): Uint8Array {
    if (!isShown(frame, this.#shown, this.#options) || 'event' in frame) return NOTHING
    return concat([this.end(), frame.bytes])
  }

  end(): Uint8Array {
    const head = this.#head
    this.#head = NOTHING
    return head
  }
}

/** One line a step: `O` and `I` with the octets that they take from the typescript, `S` a window change, `H` facts. */
export class TypescriptTimingView implements View {
  readonly #options: ViewOptions
  readonly #shown: OneChannel
  #writtenUs = 0
  #started = false

  constructor(options: ViewOptions) {
    this.#options = options
    this.#shown = new OneChannel(options.channel)
  }

  push(frame: Frame): string {
    if (!isShown(frame, this.#shown, this.#options)) return ''
    const lines = 'event' in frame ? eventLines(frame.event) : [dataLine(frame)]
    return lines.map((line) => this.#line(frame.timeUs, line)).join('')
  }

  end(): string {
    return this.#started ? '' : this.#header()
  }

  #header(): string {
    this.#started = true
    return `H 0.000000 START_TIME ${startOf(this.#options)}\n`
  }

  #line(timeUs: number, [letter, rest]: Step): string {
    const header = this.end()
    const gapUs = timeUs - this.#writtenUs
    this.#writtenUs = timeUs
    return `${header}${letter} ${secondsOf(gapUs)} ${rest}\n`
  }
}

type Step = readonly [letter: string, rest: string]

function isShown(frame: Frame, shown: OneChannel, { input = false }: ViewOptions): boolean {
  return shown.has(frame) && ('event' in frame || frame.stream !== 'input' || input)
}

function dataLine(frame: Exclude<Frame, { readonly event: SessionEvent }>): Step {
  return [frame.stream === 'input' ? 'I' : 'O', String(frame.bytes.length)]
}

function eventLines(event: SessionEvent): readonly Step[] {
  switch (event.type) {
    case 'pty':
      return [
        ['H', `TERM ${event.term.replace(/[^\w.+-]/g, '?')}`],
        ['H', `COLUMNS ${event.columns}`],
        ['H', `LINES ${event.rows}`],
      ]
    case 'resize':
      return [['S', `SIGWINCH ROWS=${event.rows} COLS=${event.columns}`]]
    case 'exit_status':
      return [['H', `EXIT_CODE ${event.code}`]]
    default:
      return []
  }
}

function startOf({ startedAtMs }: ViewOptions): string {
  return new Date(startedAtMs).toISOString()
}
