/**
 * The audit log as the gateway writes it: entries in order, each in the store before the call returns.
 */
import { type AuditFacts, type AuditKind, printEntry } from '#lib/audit/audit-entry'
import type { TreeHead } from '#lib/audit/merkle-proof'
import { completedBy, consistencyProof, inclusionProof, rootOf } from '#lib/audit/merkle-tree'
import type { Store } from '../store/store.ts'

export interface AuditLog {
  /**
   * Writes one entry through to the disk.
   * @throws {Error} when the store cannot: what was to be audited must not go on.
   */
  note(kind: AuditKind, about: AuditFacts): void
  readonly head: TreeHead
  /** Shows that the log of `to` lines begins with that of `from`; undefined for sizes that it does not have. */
  consistency(from: number, to: number): readonly string[] | undefined
  /** The entries about a recording, each with the proof that it is in the log of `size` lines. */
  ofRecording(id: string, size: number): readonly ProvenLine[]
  /** All lines up to `size`, a few at a time. */
  lines(size: number): Iterable<string>
  /** @returns how to stop hearing of new entries. */
  onGrown(listener: () => void): () => void
}

export type ProvenLine = {
  readonly sequence: number
  readonly line: string
  readonly proof: readonly string[]
}

/** Lines that are read at a time. */
const PAGE_LINES = 1000
/** Another process on the same store may append between our look and our write. */
const ATTEMPTS = 100

export function openAuditLog(store: Store['audit'], now: () => number): AuditLog {
  const listeners = new Set<() => void>()
  const tryAppend = (kind: AuditKind, about: AuditFacts): boolean => {
    const sequence = store.size
    const line = printEntry({ sequence, atMs: now(), kind, about })
    const nodes = completedBy(line, sequence, store.node)
    const { recording } = about
    const recordingId = typeof recording === 'string' ? { recordingId: recording } : {}
    return store.append({ sequence, line, nodes, ...recordingId })
  }
  return {
    note(kind, about) {
      let attempts = 1
      while (!tryAppend(kind, about)) {
        if (attempts++ === ATTEMPTS) throw new Error('the audit log grows too fast to write to it')
      }
      for (const listener of listeners) listener()
    },
    get head() {
      const { size } = store
      return { size, root: rootOf(size, store.node) }
    },
    consistency: (from, to) =>
      from <= to && to <= store.size ? consistencyProof(from, to, store.node) : undefined,
    ofRecording: (id, size) =>
      store
        .ofRecording(id)
        .filter(({ sequence }) => sequence < size)
        .map((one) => ({ ...one, proof: inclusionProof(one.sequence, size, store.node) })),
    *lines(size) {
      for (let from = 0; from < size; from += PAGE_LINES) {
        yield* store.lines(from, Math.min(PAGE_LINES, size - from))
      }
    },
    onGrown(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
