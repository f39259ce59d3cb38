/** Lets others see flow records as they are written. Costs nothing while nobody looks. */
import type { FlowRecord } from './flow-record.ts'

export interface FlowTap {
  tell(record: FlowRecord): void
  /** @param listener must not throw. @returns what ends it. */
  follow(listener: (record: FlowRecord) => void): () => void
}

export function createFlowTap(): FlowTap {
  const listeners = new Set<(record: FlowRecord) => void>()
  return {
    tell(record) {
      for (const listener of listeners) listener(record)
    },
    follow(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
