/** The table of SSH sessions that are going on. */
import type { LiveSession } from './live-session.ts'

export interface LiveSessions {
  /** @returns what takes it out again. */
  add(session: LiveSession): () => void
  get(id: string): LiveSession | undefined
  /** The listener is told of every session that begins, before anything passes. */
  onBegun(listener: (session: LiveSession) => void): void
  /** Oldest first. */
  list(): readonly LiveSession[]
}

export function createLiveSessions(): LiveSessions {
  const sessions = new Map<string, LiveSession>()
  const listeners: ((session: LiveSession) => void)[] = []
  return {
    add(session) {
      sessions.set(session.about.id, session)
      for (const listener of listeners) listener(session)
      return () => sessions.delete(session.about.id)
    },
    get: (id) => sessions.get(id),
    onBegun: (listener) => void listeners.push(listener),
    list: () => [...sessions.values()],
  }
}
