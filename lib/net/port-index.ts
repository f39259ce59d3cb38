/**
 * Values by port: the ports are cut where any set begins or ends, and each piece knows its values. A look-up is one
 * binary search, however many sets there are.
 */
import type { PortSet } from '#lib/net/ports'

/** One set of ports and what it stands for. */
export type PortEntry<T> = { readonly ports: PortSet; readonly value: T }

/** Immutable once built; values come in the order they were given. */
export class PortIndex<T> {
  /** First port of each piece, rising; a piece reaches to the next one. */
  readonly #starts: readonly number[]
  readonly #values: readonly (readonly T[])[]

  constructor(entries: readonly PortEntry<T>[]) {
    const edges = entries.flatMap(({ ports }) =>
      ports.flatMap(({ first, last }) => [first, last + 1]),
    )
    this.#starts = [...new Set(edges)].sort((a, b) => a - b)
    const pieceAt = new Map(this.#starts.map((start, piece) => [start, piece]))
    const values = this.#starts.map((): T[] => [])
    for (const { ports, value } of entries) {
      for (const { first, last } of ports) {
        const end = pieceAt.get(last + 1) ?? values.length
        for (let piece = pieceAt.get(first) ?? end; piece < end; piece++) values[piece]?.push(value)
      }
    }
    this.#values = values
  }

  /** Values whose sets hold `port`. */
  at(port: number): readonly T[] {
    let low = 0
    let high = this.#starts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#starts[middle] ?? 0) <= port) low = middle + 1
      else high = middle
    }
    return this.#values[low - 1] ?? []
  }
}
