/** A local directory on a store in memory, a clock that can be moved, and passwords that are hashed cheaply. */
import type { Form, FormStep, PendingLogin } from '../../gateway/identity/identity-provider.ts'
import { openLocalDirectory } from '../../gateway/identity/local/local-directory.ts'
import { addUser, type Registry } from '../../gateway/identity/local/local-users.ts'
import { openPasswords } from '../../gateway/identity/local/passwords.ts'
import { openMemoryStore } from '../../gateway/store/memory-store.ts'

export const HOME = '192.0.2.1'
export const PASSWORD = 'a fine long password'

export type DirectoryRig = ReturnType<typeof openDirectory>

export function openDirectory() {
  const clock = { nowMs: 1_800_000_000_000 }
  const logged: Record<string, unknown>[] = []
  const keep = (fields: object, message: string) => void logged.push({ ...fields, message })
  const log = { info: keep, warn: keep, error: keep }
  const store = openMemoryStore()
  const now = () => clock.nowMs
  const passwords = openPasswords(10)
  const provider = openLocalDirectory('local', { store, passwords, now, log })
  const registry: Registry = { store, provider: 'local', passwords, now }
  return {
    clock,
    logged,
    store,
    registry,
    provider,
    logIn: (email: string, password: string, source = HOME) =>
      provider.answer(
        new Map([
          ['email', email],
          ['password', password],
        ]),
        provider.begin().pending,
        source,
      ),
    change: (pending: PendingLogin, password: string, again = password) =>
      provider.answer(
        new Map([
          ['new_password', password],
          ['again', again],
        ]),
        pending,
        HOME,
      ),
    /** Somebody whose password must be changed. */
    async add(email = 'ann@example.com', groups: readonly string[] = ['engineers']) {
      const added = await addUser(registry, { email, groups, name: 'Ann' })
      if (!added.ok) throw new Error(added.error.reason)
      return { id: added.value.user.id, password: added.value.password ?? '' }
    },
    /** Somebody who has chosen `PASSWORD`. */
    async addSettled(email = 'ann@example.com') {
      const { id, password } = await this.add(email)
      const asked = asking(await this.logIn(email, password))
      await this.change(asked.pending, PASSWORD)
      return id
    },
  }
}

/** The form that a step shows. */
export function asking(step: FormStep): {
  readonly form: Form
  readonly pending: PendingLogin
  readonly problem?: string
} {
  if (step.kind !== 'ask') throw new Error(`no form: ${step.kind}`)
  return step
}
