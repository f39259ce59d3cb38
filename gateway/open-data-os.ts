/**
 * Opens a data directory that `init` made: keys, administrator's hash, store. Refuses what it does not trust.
 */
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import { dataFiles } from './data-files.ts'
import { isFipsKey } from './fips.ts'
import { type AdminCheck, adminCheck } from './keys/admin-secret.ts'
import type { GatewayKeys } from './keys/gateway-keys.ts'
import { loadKeys, readPrivateFile } from './keys/key-store.ts'
import { openSshAuthorities, type SshAuthorities } from './ssh-ca/ssh-authorities-store.ts'
import { openSqliteStore } from './store/sqlite-store.ts'
import type { Store } from './store/store.ts'

/** What a gateway works on. Close the store at the end. */
export type OpenedData = {
  readonly keys: GatewayKeys
  readonly checkSecret: AdminCheck
  readonly store: Store
  readonly sshAuthorities: SshAuthorities
  readonly recordingsDir: string
}

/** Why a gateway cannot start; `message` names the remedy. */
export type StartRefusal = { readonly reason: string; readonly message: string }

/** @throws {Error} when the database cannot be opened. */
export function openData(
  dir: string,
  {
    log,
    now,
    fips = false,
  }: { readonly log: Log; readonly now: () => number; readonly fips?: boolean },
): Result<OpenedData, StartRefusal> {
  const files = dataFiles(dir)
  const keys = loadKeys(files.keys)
  if (!keys.ok) return keys
  const hash = readPrivateFile(files.adminHash)
  if (!hash.ok) return hash
  const check = adminCheck(hash.value.toString())
  if (!check.ok) {
    return err({ ...check.error, message: `${files.adminHash} is not what init wrote` })
  }
  const store = openSqliteStore({
    path: files.database,
    now,
    onWriteError: (error) =>
      log.error({ error: String(error) }, 'flow records cannot be written; trying again'),
  })
  if (!store.ok) return store
  const sshAuthorities = openSshAuthorities({
    ...{ store: store.value, dir: files.keys, now },
    ...(fips && { isSuitable: isFipsKey }),
  })
  if (!sshAuthorities.ok) {
    store.value.close()
    return sshAuthorities
  }
  return ok({
    keys: keys.value,
    sshAuthorities: sshAuthorities.value,
    checkSecret: check.value,
    store: store.value,
    recordingsDir: files.recordings,
  })
}
