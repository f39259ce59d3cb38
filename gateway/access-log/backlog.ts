/**
 * Lines that wait for a reader, at most so many. What finds no room is counted, and the reader is told how much it
 * misses, at the place where it is missing. Pure.
 */

/** Told in place of lines: so many are missing here. */
export type Gap = { readonly type: 'gap'; readonly lost: number }

export type Backlog<Line> = {
  add(line: Line): void
  /** The next line, or the gap; undefined when nothing waits. */
  take(): Line | Gap | undefined
  /** So much is missing in one gap that it makes no sense to go on. */
  readonly isHopeless: boolean
}

export type BacklogLimits = { readonly waiting: number; readonly lost: number }

export function createBacklog<Line>(limits: BacklogLimits): Backlog<Line> {
  const waiting: Line[] = []
  let lost = 0
  return {
    add(line) {
      // Behind a gap nothing is kept until the gap is told: lines keep their order.
      if (lost > 0 || waiting.length >= limits.waiting) lost += 1
      else waiting.push(line)
    },
    take() {
      const next = waiting.shift()
      if (next !== undefined || lost === 0) return next
      const gap: Gap = { type: 'gap', lost }
      lost = 0
      return gap
    },
    get isHopeless() {
      return lost >= limits.lost
    },
  }
}
