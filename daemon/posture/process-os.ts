/** Looks for processes by their executable, as the kernel names it (/proc/PID/exe): a process cannot choose that. */
import { readdir, readlink } from 'node:fs/promises'
import { basename } from 'node:path'
import type { PostureFinding } from '#lib/wire/posture-message'
import { POSTURE_LIST_LIMIT } from '#lib/wire/posture-schema'
import { digestOf } from './file-os.ts'

type Running = Extract<PostureFinding, { readonly kind: 'process' }>['running'][number]

/**
 * @param wanted a path, or the name of an executable.
 * @throws {Error} when none is seen and some processes could not be looked at.
 */
export async function findProcess(wanted: string, signal: AbortSignal): Promise<PostureFinding> {
  const found = new Map<string, Running>()
  let hidden: unknown
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    signal.throwIfAborted()
    try {
      const path = await readlink(`/proc/${pid}/exe`)
      if (!isWanted(path, wanted) || found.has(path)) continue
      found.set(path, await describe(pid, path, signal))
    } catch (error) {
      const { code } = error as { code?: unknown }
      // Gone meanwhile, or a thread of the kernel.
      if (code !== 'ENOENT' && code !== 'ESRCH') hidden ??= error
    }
    if (found.size === POSTURE_LIST_LIMIT) break
  }
  if (found.size === 0 && hidden !== undefined) throw hidden
  return { kind: 'process', running: [...found.values()] }
}

/** An executable that was removed or replaced since its start reads `… (deleted)`: it is not the one on disk. */
function isWanted(path: string, wanted: string): boolean {
  return wanted.startsWith('/') ? path === wanted : basename(path) === wanted
}

/** The digest is of what runs, not of what lies at its path now. */
async function describe(pid: string, path: string, signal: AbortSignal): Promise<Running> {
  const sha256 = await digestOfRunning(pid, signal)
  return { path, ...(sha256 !== undefined && { sha256 }) }
}

async function digestOfRunning(pid: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await digestOf(`/proc/${pid}/exe`, signal, 'follow')
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
