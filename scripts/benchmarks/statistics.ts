/**
 * Medians, paired ratios and bars of a benchmark. Pure.
 */

/** One contender's figure in each round, in order of rounds. */
export type Series = readonly number[]

/** @returns the middle value, or the mean of the two middle ones. @throws {Error} for an empty series. */
export function median(series: Series): number {
  const sorted = [...series].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle]
  const lower = sorted.length % 2 === 0 ? sorted[middle - 1] : upper
  if (upper === undefined || lower === undefined) throw new Error('median of nothing')
  return (upper + lower) / 2
}

/** @returns the value that this share of the series does not exceed (nearest rank). @throws {Error} for an empty series. */
export function percentile(series: Series, share: number): number {
  const sorted = [...series].sort((a, b) => a - b)
  const value = sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)]
  if (value === undefined) throw new Error('percentile of nothing')
  return value
}

/**
 * Median of the ratios ours/peer taken round by round, so that a slow minute of the machine hits both.
 * @throws {Error} when a peer missed a round: a ratio over other rounds would not be a comparison.
 */
export function pairedRatio(ours: Series, peer: Series): number {
  if (ours.length !== peer.length) throw new Error('a contender missed a round')
  return median(ours.map((value, round) => value / (peer[round] ?? Number.NaN)))
}

/** A bar and what was measured against it. */
export type Bar = {
  readonly name: string
  readonly figure: number
  readonly bar: number
  /** `at_least` for rates and ratios, `at_most` for costs. */
  readonly sense: 'at_least' | 'at_most'
  /** For readers of a miss: what limits it, in sentences. */
  readonly limit?: string
}

/** Whether the figure holds its bar; a figure that is not a number does not. */
export function holds({ figure, bar, sense }: Bar): boolean {
  return sense === 'at_least' ? figure >= bar : figure <= bar
}

/** One line a bar, for the terminal. */
export function barLine(bar: Bar): string {
  const sign = bar.sense === 'at_least' ? '≥' : '≤'
  return `${holds(bar) ? 'holds ' : 'MISSED'} ${bar.name}: ${bar.figure.toFixed(2)} (bar ${sign} ${bar.bar})`
}
