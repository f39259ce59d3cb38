/** The table of SSH sessions that are going on. */
import type { LiveSession } from './live-session.ts'

export interface LiveSessions {
  /** @returns what takes it out again. */
  add(session: LiveSession): () => void
  get(id: string): LiveSession | undefined
  /** Oldest first. */
  list(): readonly LiveSession[]
}

export function createLiveSessions(): LiveSessions {
  const sessions = new Map<string, LiveSession>()
  return {
    add(session) {
      sessions.set(session.about.id, session)
      return () => sessions.delete(session.about.id)
    },
    get: (id) => sessions.get(id),
    list: () => [...sessions.values()],
  }
}
