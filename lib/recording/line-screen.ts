/**
 * A terminal without a screen, of which only finished lines and the place of the cursor are looked at.
 */
import xterm, { type IMarker, type Terminal } from '@xterm/headless'

/** A line that a line feed has ended, whatever number of rows it took. */
export type FinishedLine = {
  readonly text: string
  /** Whether the cursor was in it when the mark was made. */
  has(mark: Mark): boolean
  /** The text from the line in which the mark was made to this one. */
  since(mark: Mark): string
}

/** Where typing began. */
export type Mark = {
  /** What stood before the cursor. */
  readonly prompt: string
  readonly marker: IMarker | undefined
}

type Size = { readonly columns: number; readonly rows: number }

/** Rows that are kept above the screen. */
const SCROLLBACK_ROWS = 200
/** A larger terminal is nobody's; it would take memory only. */
const SIDE_LIMIT = 1000
/** Rows of one line that are looked at. */
const LINE_ROWS_LIMIT = 200

export class LineScreen {
  readonly #terminal: Terminal

  /** @param onLine called while `write` is at work, in order. */
  constructor(size: Size, onLine: (line: FinishedLine) => void) {
    this.#terminal = new xterm.Terminal({
      ...bounded(size),
      scrollback: SCROLLBACK_ROWS,
      allowProposedApi: true,
      logLevel: 'off', // it would print every sequence that it does not know
    })
    this.#terminal.onLineFeed(() => {
      const { baseY, cursorY } = this.#terminal.buffer.active
      const row = baseY + cursorY - 1
      if (row >= 0) onLine(this.#finished(row))
    })
  }

  /** Resolves when the octets have been drawn. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(bytes, resolve))
  }

  resize(size: Size): void {
    const { cols, rows } = bounded(size)
    this.#terminal.resize(cols, rows)
  }

  /** The place of the cursor, before anything is typed there. */
  mark(): Mark {
    const { baseY, cursorY, cursorX } = this.#terminal.buffer.active
    const row = baseY + cursorY
    const first = this.#firstRow(row)
    const before = this.#textOf(first, row - 1)
    const here = this.#terminal.buffer.active.getLine(row)?.translateToString(false, 0, cursorX)
    return { prompt: before + (here ?? ''), marker: this.#terminal.registerMarker(0) }
  }

  dispose(): void {
    this.#terminal.dispose()
  }

  #finished(ended: number): FinishedLine {
    const first = this.#firstRow(ended)
    const row = this.#lastRow(ended)
    const text = this.#textOf(first, row)
    return {
      text,
      has: ({ marker }) => marker !== undefined && marker.line >= first && marker.line <= row,
      since: ({ marker }) => {
        const start = marker && marker.line >= 0 ? this.#firstRow(marker.line) : first
        return this.#linesBetween(Math.max(start, row - LINE_ROWS_LIMIT), row)
      },
    }
  }

  #linesBetween(first: number, last: number): string {
    const lines: string[] = []
    for (let row = first; row <= last; row++) {
      const wrapped = this.#terminal.buffer.active.getLine(row)?.isWrapped === true
      if (wrapped && lines.length > 0) lines.push((lines.pop() ?? '') + this.#textOf(row, row))
      else lines.push(this.#textOf(row, row))
    }
    return lines.map((line) => line.trimEnd()).join('\n')
  }

  #firstRow(row: number): number {
    let first = row
    const limit = Math.max(0, row - LINE_ROWS_LIMIT)
    while (first > limit && this.#terminal.buffer.active.getLine(first)?.isWrapped) first--
    return first
  }

  /** A line feed also moves down inside a line, and then has unmarked the row below as a part of it. */
  #lastRow(row: number): number {
    let last = row
    while (last < row + LINE_ROWS_LIMIT && this.#isFull(last) && this.#textOf(last + 1, last + 1)) {
      last++
    }
    return last
  }

  #isFull(row: number): boolean {
    const line = this.#terminal.buffer.active.getLine(row)
    return line !== undefined && line.translateToString(true).length >= this.#terminal.cols
  }

  /** Rows of one line, joined; only the last one may end before the edge of the screen. */
  #textOf(first: number, last: number): string {
    let text = ''
    for (let row = first; row <= last; row++) {
      text += this.#terminal.buffer.active.getLine(row)?.translateToString(row === last) ?? ''
    }
    return text
  }
}

function bounded({ columns, rows }: Size): { readonly cols: number; readonly rows: number } {
  const side = (cells: number, unknown: number): number =>
    cells === 0 ? unknown : Math.min(Math.max(cells, 2), SIDE_LIMIT)
  return { cols: side(columns, 80), rows: side(rows, 24) }
}
