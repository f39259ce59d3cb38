/**
 * The local directory and the guesses of the store that forgets at exit.
 */
import type { GuessCount, LocalUser, Store } from './store.ts'

export function memoryLocalUsers(): Store['localUsers'] {
  const users = new Map<string, LocalUser>()
  const byEmail = (email: string) => [...users.values()].find((user) => user.email === email)
  const change = (id: string, to: (user: LocalUser) => LocalUser): void => {
    const user = users.get(id)
    if (user === undefined) throw new Error(`no local user ${id}`)
    users.set(id, to(user))
  }
  return {
    insert(user) {
      if (byEmail(user.email)) return false
      if (users.has(user.id)) throw new Error(`${user.id} is in the store already`)
      users.set(user.id, user)
      return true
    },
    get: (id) => users.get(id),
    byEmail,
    list: () => [...users.values()].sort((a, b) => (a.email < b.email ? -1 : 1)),
    setPassword(id, fromHash, password) {
      const user = users.get(id)
      if (user?.passwordHash !== fromHash) return false
      const { temporaryUntilMs: _, ...kept } = user
      users.set(id, { ...kept, ...password })
      return true
    },
    setGroups: (id, groups) => change(id, (user) => ({ ...user, groups })),
    setDisabled: (id, atMs) =>
      change(id, ({ disabledAtMs: _, ...user }) =>
        atMs === undefined ? user : { ...user, disabledAtMs: atMs },
      ),
  }
}

export function memoryGuesses(): Store['guesses'] {
  const counts = new Map<string, GuessCount>()
  return {
    get: (key) => counts.get(key),
    count(key, nowMs) {
      const past = counts.get(key)
      counts.set(key, { ...past, failures: (past?.failures ?? 0) + 1, lastAtMs: nowMs })
    },
    takeBack(key) {
      const past = counts.get(key)
      if (past === undefined) return
      const failures = Math.max(0, past.failures - 1)
      if (failures === 0 && past.succeededAtMs === undefined) counts.delete(key)
      else counts.set(key, { ...past, failures })
    },
    succeed(key, nowMs) {
      counts.set(key, { failures: 0, lastAtMs: nowMs, succeededAtMs: nowMs })
    },
    forget(beforeMs) {
      for (const [key, { lastAtMs }] of counts) if (lastAtMs < beforeMs) counts.delete(key)
    },
  }
}
