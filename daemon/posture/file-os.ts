/** Looks at one file: whether it is there, where links lead, and the digest of its content. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { POSTURE_CONTENT, type PostureFinding } from '#lib/wire/posture-message'

/** Larger files are told without a digest. */
const DIGEST_LIMIT_BYTES = 512 * 1024 * 1024
const CHUNK_BYTES = 1024 * 1024

/** @param lookAt a path, and perhaps that its content counts. @throws {Error} when the path cannot be looked at; that it does not exist is a finding. */
export async function findFile(
  [path = '', content]: readonly string[],
  signal: AbortSignal,
): Promise<Extract<PostureFinding, { readonly kind: 'file' }>> {
  if (!path.startsWith('/')) throw new Error('not an absolute path')
  const resolved = await realpath(path).catch(absent)
  if (resolved === undefined) return { kind: 'file', exists: false }
  const sha256 = content === POSTURE_CONTENT ? await digestOf(resolved, signal) : undefined
  return { kind: 'file', exists: true, resolved, ...(sha256 !== undefined && { sha256 }) }
}

/**
 * SHA-256 of a regular file in hex; undefined for anything else, and above the limit of size.
 * @param links `refuse` for a path that was resolved: a link there is one that was put there since.
 * @throws {Error} when it cannot be read.
 */
export async function digestOf(
  path: string,
  signal: AbortSignal,
  links: 'follow' | 'refuse' = 'refuse',
): Promise<string | undefined> {
  // Opening a FIFO must not wait for its writer.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK
  const file = await open(path, links === 'refuse' ? flags | constants.O_NOFOLLOW : flags)
  try {
    const found = await file.stat()
    const isFit = found.isFile() && found.size <= DIGEST_LIMIT_BYTES
    return isFit ? await digest(file, signal) : undefined
  } finally {
    await file.close()
  }
}

async function digest(file: FileHandle, signal: AbortSignal): Promise<string | undefined> {
  const hash = createHash('sha256')
  const chunk = Buffer.alloc(CHUNK_BYTES)
  for (let total = 0; total <= DIGEST_LIMIT_BYTES; ) {
    signal.throwIfAborted()
    const { bytesRead } = await file.read(chunk, 0, chunk.length)
    if (bytesRead === 0) return hash.digest('hex')
    hash.update(chunk.subarray(0, bytesRead))
    total += bytesRead
  }
  return undefined
}

function absent(error: unknown): undefined {
  const { code } = error as { code?: unknown }
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
  throw error
}
