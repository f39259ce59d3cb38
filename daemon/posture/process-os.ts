/** Looks for processes by their executable, as the kernel names it (/proc/PID/exe): a process cannot choose that. */
import { readdir, readlink, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { POSTURE_CONTENT, type PostureFinding } from '#lib/wire/posture-message'
import { POSTURE_LIST_LIMIT } from '#lib/wire/posture-schema'
import { digestOf } from './file-os.ts'

type Running = Extract<PostureFinding, { readonly kind: 'process' }>['running'][number]

/**
 * @param lookAt a path or the name of an executable, and perhaps that its content counts.
 * @throws {Error} when none is seen and some processes could not be looked at.
 */
export async function findProcess(
  [wanted = '', content]: readonly string[],
  signal: AbortSignal,
): Promise<PostureFinding> {
  const found = new Map<string, Running>()
  const hidden: unknown[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    signal.throwIfAborted()
    const path = await executableOf(pid, hidden)
    if (path === undefined || !isWanted(path, wanted)) continue
    const file = await identityOf(pid)
    if (file === undefined || found.has(file)) continue
    const sha256 = content === POSTURE_CONTENT ? await digestOfRunning(pid, signal) : undefined
    found.set(file, { path, ...(sha256 !== undefined && { sha256 }) })
    if (found.size === POSTURE_LIST_LIMIT) break
  }
  if (found.size === 0 && hidden.length > 0) throw hidden[0]
  return { kind: 'process', running: [...found.values()] }
}

/** Path of what a process runs; undefined when it is gone, a thread of the kernel, or hidden from us. */
async function executableOf(pid: string, hidden: unknown[]): Promise<string | undefined> {
  try {
    return await readlink(`/proc/${pid}/exe`)
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code !== 'ENOENT' && code !== 'ESRCH') hidden.push(error)
    return undefined
  }
}

/** One path may be two files: a process can have mounts of its own. */
async function identityOf(pid: string): Promise<string | undefined> {
  const file = await stat(`/proc/${pid}/exe`).catch(() => undefined)
  return file && `${file.dev}:${file.ino}`
}

/** An executable that was removed or replaced since its start reads `… (deleted)`: it is not the one on disk. */
function isWanted(path: string, wanted: string): boolean {
  return wanted.startsWith('/') ? path === wanted : basename(path) === wanted
}

/** Of what runs, not of what lies at its path now. */
async function digestOfRunning(pid: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await digestOf(`/proc/${pid}/exe`, signal, 'follow')
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
