/**
 * Keeps the registration in one file, 0600 in a 0700 folder, replaced whole.
 */
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { err, ok, type Result } from '#lib/result'
import { replaceStateFile } from '../state-file-os.ts'
import { decodeRegistration, encodeRegistration, type Registration } from './registration.ts'

/** Where one registration lives. */
export interface IdentityStore {
  /** `undefined` when the device is not enrolled; a refusal when the file is damaged or open to others. */
  load(): Result<Registration | undefined, IdentityError>
  save(registration: Registration): void
  forget(): void
}

export type IdentityError = {
  readonly reason: 'bad_registration' | 'registration_open_to_others'
  readonly file: string
}

/** @param folder made with mode 0700 if it is missing. */
export function identityStoreIn(folder: string): IdentityStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, 'registration.json')
  return {
    load: () => load(folder, file),
    save: (registration) => {
      chmodSync(folder, 0o700)
      replaceStateFile(file, encodeRegistration(registration))
    },
    forget: () => rmSync(file, { force: true }),
  }
}

/** What is kept in a folder, for who only looks: nothing is made, and what cannot be read or trusted is nothing. */
export function readRegistration(folder: string): Registration | undefined {
  try {
    const loaded = load(folder, join(folder, 'registration.json'))
    return loaded.ok ? loaded.value : undefined
  } catch {
    return undefined
  }
}

function load(folder: string, file: string): Result<Registration | undefined, IdentityError> {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode
  if (mode === undefined) return ok(undefined)
  if ((mode & 0o077) !== 0 || (statSync(folder).mode & 0o077) !== 0) {
    return err({ reason: 'registration_open_to_others', file })
  }
  const decoded = decodeRegistration(readFileSync(file, 'utf8'))
  return decoded.ok ? decoded : err({ reason: 'bad_registration', file })
}
