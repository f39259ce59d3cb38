/** What a daemon did to this machine since it started: for `zt doctor --bundle`. Kept in memory, the newest. Pure. */
import type { Changed } from './routing-os.ts'

/** `leftovers`: of a daemon that was killed; `redirect`: the nft table; `names`: the way of questions about names. */
export type ChangedPart = 'leftovers' | 'routing' | 'redirect' | 'names'

/** Lines of `ip -batch` and the like, carried out at a time. */
export type MachineChange = Changed & { readonly at: string; readonly part: ChangedPart }

/** Tells of a change that was made. */
export type NoteChange = (part: ChangedPart, changed: Partial<Changed>) => void

const ENTRIES_LIMIT = 200

export class MachineJournal {
  #entries: readonly MachineChange[] = []

  /** Keeps a change, unless nothing was done in it; the oldest go. */
  note(part: ChangedPart, { done = [], failed = [] }: Partial<Changed>, nowMs: number): void {
    if (done.length + failed.length === 0) return
    const entry = { at: new Date(nowMs).toISOString(), part, done, failed }
    this.#entries = [...this.#entries, entry].slice(-ENTRIES_LIMIT)
  }

  /** Oldest first. */
  get entries(): readonly MachineChange[] {
    return this.#entries
  }
}
