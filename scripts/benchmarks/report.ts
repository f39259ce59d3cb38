/**
 * Rows of a benchmark as text and as a section of docs/benchmarks.md. Pure.
 */
import { type Bar, barLine, holds, median, type Series } from './statistics.ts'

/** One kind of work, one series per contender; `unit` belongs to the figures. */
export type Row = {
  readonly work: string
  readonly unit: string
  readonly figures: Readonly<Record<string, Series>>
}

/** Everything a sub-command measured. */
export type Report = {
  readonly title: string
  /** How it was measured: sizes, rounds, machine. */
  readonly method: string
  readonly rows: readonly Row[]
  readonly bars: readonly Bar[]
}

const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2))

const limitOf = (bar: Bar): string =>
  bar.limit === undefined || holds(bar) ? '' : `. ${bar.limit}`

/** A Markdown section: medians of each contender, then bars. */
export function markdown({ title, method, rows, bars }: Report): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.figures)))]
  const cells = (row: Row): string[] =>
    names.map((name) => {
      const series = row.figures[name]
      return series === undefined ? '–' : figure(median(series))
    })
  const table = [
    `| work | unit | ${names.join(' | ')} |`,
    `| --- | --- | ${names.map(() => '---').join(' | ')} |`,
    ...rows.map((row) => `| ${row.work} | ${row.unit} | ${cells(row).join(' | ')} |`),
  ]
  const verdicts = bars.map((bar) => `- ${barLine(bar)}${limitOf(bar)}`)
  return [`## ${title}`, '', method, '', ...table, '', ...verdicts, ''].join('\n')
}

/** Replaces the section of this title in a document, or appends it. */
export function replaceSection(document: string, title: string, section: string): string {
  const heading = `## ${title}\n`
  const start = document.indexOf(heading)
  if (start < 0) return `${document.trimEnd()}\n\n${section}`
  const next = document.indexOf('\n## ', start + heading.length)
  return `${document.slice(0, start)}${section}${next < 0 ? '' : document.slice(next)}`
}

/** The closing line and exit code: 0 when every bar holds, else 1 with the first miss named. */
export function verdict(bars: readonly Bar[]): { readonly code: 0 | 1; readonly line: string } {
  const missed = bars.filter((bar) => !holds(bar))
  const [first] = missed
  if (first === undefined) return { code: 0, line: `all ${bars.length} bars hold` }
  return { code: 1, line: missed.map(barLine).join('; ') }
}
