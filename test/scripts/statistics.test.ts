import test from 'ava'
import { markdown, replaceSection, verdict } from '../../scripts/benchmarks/report.ts'
import {
  type Bar,
  holds,
  median,
  pairedRatio,
  percentile,
} from '../../scripts/benchmarks/statistics.ts'

test('median: the middle of an odd series, the mean of two in an even one', (t) => {
  t.is(median([3, 1, 2]), 2)
  t.is(median([4, 1, 3, 2]), 2.5)
  t.throws(() => median([]))
})

test('ratio: taken round by round, so that a slow round hits both', (t) => {
  t.is(pairedRatio([10, 1, 30], [20, 2, 60]), 0.5)
})

test('ratio: refused when a peer missed a round', (t) => {
  t.throws(() => pairedRatio([1, 2, 3], [1, 2]))
  t.throws(() => pairedRatio([], []))
})

const atLeast: Bar = { name: 'throughput', figure: 0.4, bar: 0.35, sense: 'at_least' }
const rows: Record<string, [Bar, boolean]> = {
  'a rate above its bar holds': [atLeast, true],
  'a rate below its bar is missed': [{ ...atLeast, figure: 0.3 }, false],
  'a cost above its bar is missed': [{ ...atLeast, sense: 'at_most' }, false],
  'no number is no pass': [{ ...atLeast, figure: Number.NaN }, false],
}
for (const [title, [bar, wanted]] of Object.entries(rows)) {
  test(`bar: ${title}`, (t) => t.is(holds(bar), wanted))
}

test('verdict: names the missed bar with figure and bar on the last line, exit code 1', (t) => {
  const missed = verdict([atLeast, { ...atLeast, name: 'flows', figure: 1, bar: 2 }])
  t.deepEqual(missed, { code: 1, line: 'MISSED flows: 1.00 (bar ≥ 2)' })
  t.is(verdict([atLeast]).code, 0)
})

test('report: a section is replaced by its next run and the others stay', (t) => {
  const section = (title: string, value: number): string =>
    markdown({
      title,
      method: 'm',
      rows: [{ work: 'w', unit: 'u', figures: { a: [value] } }],
      bars: [],
    })
  const first = replaceSection('# Benchmarks\n', 'SSH', section('SSH', 1))
  const both = replaceSection(first, 'Tunnel', section('Tunnel', 2))
  const again = replaceSection(both, 'SSH', section('SSH', 3))
  t.regex(again, /\| w \| u \| 3\.00 \|/)
  t.regex(again, /\| w \| u \| 2\.00 \|/)
  t.false(again.includes('1.00'))
  t.regex(again, /\n\n## Tunnel\n/)
})

test('report: a miss says what limits it, and a bar that holds does not', (t) => {
  const rows = [{ work: 'w', unit: 'u', figures: { a: [1] } }]
  const bar = { name: 'x', figure: 1, sense: 'at_least', limit: 'One thread.' } as const
  const bars = [
    { ...bar, bar: 2 },
    { ...bar, bar: 1 },
  ]
  const lines = markdown({ title: 't', method: 'm', rows, bars }).split('\n')
  t.true(lines.includes('- MISSED x: 1.00 (bar ≥ 2). One thread.'))
  t.true(lines.includes('- holds  x: 1.00 (bar ≥ 1)'))
})

test('a percentile is a value of the series, by nearest rank', (t) => {
  const series = Array.from({ length: 200 }, (_, index) => 200 - index)
  t.is(percentile(series, 0.99), 198)
  t.is(percentile([7], 0.99), 7)
  t.throws(() => percentile([], 0.5))
})
