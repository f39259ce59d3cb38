/** Tells people that a session they are using ends soon. */
import type { FlowTable } from '../flow/flow-table.ts'
import { endingSentence, endingSessions } from './ending.ts'

export type EndingNoticeDeps = {
  readonly table: Pick<FlowTable, 'list'>
  readonly notify: (deviceId: string, reason: string, sentence: string) => void
  /** Unix milliseconds. */
  readonly now: () => number
  readonly everyMs?: number
}

/** The announcement is minutes ahead: this exact is enough. */
const EVERY_MS = 10_000
/** What was announced is forgotten after this many; somebody is then told twice. */
const ANNOUNCED_LIMIT = 100_000

/** @returns what ends it. */
export function startEndingNotices({ table, notify, now, everyMs }: EndingNoticeDeps): () => void {
  const announced = new Set<string>()
  const timer = setInterval(() => {
    if (announced.size > ANNOUNCED_LIMIT) announced.clear()
    for (const session of endingSessions(table.list(), announced, now())) {
      notify(session.deviceId, 'session_ending', endingSentence(session))
    }
  }, everyMs ?? EVERY_MS)
  return () => clearInterval(timer)
}
