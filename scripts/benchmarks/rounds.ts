/**
 * Rounds in which every contender does the same work once.
 */

/** Figures by contender, one per round. */
export type Figures = Record<string, number[]>

/**
 * Runs `act` for each contender in each round, the order turning so that nobody is always first.
 * What `act` returns is kept by the contender's name.
 */
export async function interleave<T extends { readonly name: string }, R>(
  contenders: readonly T[],
  rounds: number,
  act: (contender: T) => Promise<R>,
): Promise<ReadonlyMap<string, readonly R[]>> {
  const results = new Map<string, R[]>()
  for (let round = 0; round < rounds; round++) {
    for (const contender of [
      ...contenders.slice(round % contenders.length),
      ...contenders.slice(0, round % contenders.length),
    ]) {
      results.set(contender.name, [...(results.get(contender.name) ?? []), await act(contender)])
    }
  }
  return results
}

/** One figure of each result. */
export function figuresOf<R>(
  results: ReadonlyMap<string, readonly R[]>,
  figure: (result: R) => number,
): Figures {
  return Object.fromEntries([...results].map(([name, all]) => [name, all.map(figure)]))
}
