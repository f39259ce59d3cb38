/** How resolvers do: what they answered lately, and how fast. Forgotten at exit. */

/** What came of one attempt: an answer other than SERVFAIL, SERVFAIL, or nothing in time. */
export type Attempt = 'answer' | 'failure' | 'silence'

export type ResolverHealth = {
  readonly answers: number
  /** Attempts that brought SERVFAIL, or nothing. */
  readonly failures: number
  /** Since the last answer. */
  readonly failuresInARow: number
  /** Unix milliseconds. */
  readonly lastAnswerAtMs?: number
  readonly lastFailureAtMs?: number
  /** Median of the last 64 answers, whole milliseconds. */
  readonly medianMs?: number
}

export interface ResolversHealth {
  note(
    resolver: string,
    attempt: Attempt,
    took: { readonly ms: number; readonly atMs: number },
  ): void
  of(resolver: string): ResolverHealth
}

const SAMPLES = 64
/** Resolvers that are remembered, also of policies that are no longer in force; those noted longest ago go. */
const MOST_RESOLVERS = 256
type Noted = ResolverHealth & { readonly tookMs: readonly number[] }
const UNASKED: Noted = { answers: 0, failures: 0, failuresInARow: 0, tookMs: [] }

export function openResolversHealth(): ResolversHealth {
  const known = new Map<string, Noted>()
  return {
    note(resolver, attempt, { ms, atMs }) {
      const before = known.get(resolver) ?? UNASKED
      known.delete(resolver)
      known.set(resolver, after(before, attempt, ms, atMs))
      const [oldest] = known.keys()
      if (known.size > MOST_RESOLVERS && oldest !== undefined) known.delete(oldest)
    },
    of(resolver) {
      const { tookMs, ...health } = known.get(resolver) ?? UNASKED
      const middle = tookMs.toSorted((a, b) => a - b)[Math.floor((tookMs.length - 1) / 2)]
      return middle === undefined ? health : { ...health, medianMs: Math.round(middle) }
    },
  }
}

function after(before: Noted, attempt: Attempt, ms: number, atMs: number): Noted {
  if (attempt === 'answer') {
    const tookMs = [...before.tookMs, ms].slice(-SAMPLES)
    const answers = before.answers + 1
    return { ...before, answers, failuresInARow: 0, lastAnswerAtMs: atMs, tookMs }
  }
  const failures = before.failures + 1
  return { ...before, failures, failuresInARow: before.failuresInARow + 1, lastFailureAtMs: atMs }
}
