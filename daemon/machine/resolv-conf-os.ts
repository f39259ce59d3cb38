/**
 * /etc/resolv.conf on disk: taken over, and put back as it was. The backup beside it is the journal: it is there, and
 * safe on disk, before anything changes, and it goes with the change.
 */
import {
  constants,
  copyFile,
  lstat,
  open,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
} from 'node:fs/promises'
import { dirname } from 'node:path'
import type { IpAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import { isOurs, takenOver, withoutOurs } from './resolv-conf.ts'

export const RESOLV_CONF = '/etc/resolv.conf'

/** `resolv_conf_not_writable`: it, or the folder it is in. */
export type ResolvConfRefusal = {
  readonly reason: 'resolv_conf_absent' | 'resolv_conf_not_writable'
  readonly detail: string
}

/** `theirs_kept`: another program rewrote it meanwhile. */
export type Restored = 'restored' | 'theirs_kept'

const FILE_MODE = 0o644
const backupOf = (path: string): string => `${path}.before-zt`
const draftOf = (path: string): string => `${path}.zt-new`

/** Puts our server first. @returns the text as it is without us. */
export async function takeOverResolvConf(
  server: IpAddress,
  path = RESOLV_CONF,
): Promise<Result<string, ResolvConfRefusal>> {
  const before = await readText(path)
  if (before === undefined) {
    return err({ reason: 'resolv_conf_absent', detail: `there is no ${path}` })
  }
  const original = await originalOf(path, before)
  try {
    if (!isOurs(before) && !(await isBackedUp(path, before))) await backUp(path)
    const text = takenOver(original, { server, backup: backupOf(path) })
    // Whoever watches the file, as the daemon does itself, takes each writing for a change of the network.
    if (text !== before) await put(path, text)
    return ok(original)
  } catch (cause) {
    await restoreResolvConf(path).catch(() => {})
    const detail = `${path} cannot be replaced: ${cause instanceof Error ? cause.message : cause}`
    return err({ reason: 'resolv_conf_not_writable', detail })
  }
}

/** The text as it is without us. @param text what is there. */
async function originalOf(path: string, text: string): Promise<string> {
  if (!isOurs(text)) return text
  return (await readText(backupOf(path))) ?? withoutOurs(text)
}

/** The text as it is without us; empty when there is none. @throws {Error} when it cannot be read. */
export async function resolvConfWithoutUs(path = RESOLV_CONF): Promise<string> {
  return originalOf(path, (await readText(path)) ?? '')
}

/**
 * Puts back what was there, unless another program has put something of its own there. May be run at any time and
 * again. @returns undefined where nothing of ours was. @throws {Error} when it cannot be written.
 */
export async function restoreResolvConf(path = RESOLV_CONF): Promise<Restored | undefined> {
  await rm(draftOf(path), { force: true })
  const backup = backupOf(path)
  const text = await readText(path)
  const isTheirs = text !== undefined && !isOurs(text) && !(await isBackedUp(path, text))
  if ((await lstat(backup).catch(() => undefined)) === undefined) {
    if (text === undefined || isTheirs) return undefined
    await put(path, withoutOurs(text))
    return 'restored'
  }
  if (isTheirs) await rm(backup)
  else await move(backup, path)
  await syncFolder(path)
  return isTheirs ? 'theirs_kept' : 'restored'
}

/** Whether this is what the backup holds: it was being written back in place when somebody died. */
async function isBackedUp(path: string, text: string): Promise<boolean> {
  return (await readText(backupOf(path)))?.trimEnd() === text.trimEnd()
}

/** A link stays a link. */
async function backUp(path: string): Promise<void> {
  const [backup, draft] = [backupOf(path), draftOf(path)]
  await rm(draft, { force: true })
  const target = await readlink(path).catch(() => undefined)
  if (target === undefined) await copyFile(path, draft, constants.COPYFILE_EXCL)
  else await symlink(target, draft)
  if (target === undefined) await syncFile(draft)
  await rename(draft, backup)
  await syncFolder(path)
}

async function put(path: string, text: string): Promise<void> {
  const draft = draftOf(path)
  await rm(draft, { force: true })
  const file = await open(draft, 'wx')
  try {
    // Whatever the umask: every user's C library reads it.
    await file.chmod(FILE_MODE)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await move(draft, path)
  await syncFolder(path)
}

/** Over a bind mount, as containers have one, nothing can be renamed: it is written in place. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EBUSY') throw cause
    await writeInPlace(to, await readFile(from))
    await rm(from)
  }
}

/** In one call, over all that was there: whoever dies before the end leaves the new text, and empty lines. */
async function writeInPlace(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const { size } = await file.stat()
    const padding = Buffer.alloc(Math.max(0, size - bytes.length), '\n')
    const whole = Buffer.concat([bytes, padding])
    await file.write(whole, 0, whole.length, 0)
    await file.truncate(bytes.length)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  await syncFile(dirname(path))
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** undefined: there is none, or a link that leads nowhere. */
async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw cause
  })
}
