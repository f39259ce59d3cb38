/**
 * Recordings, manifests and recipients' keys as files.
 */
import { createReadStream } from 'node:fs'
import { open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { err, type Result } from '#lib/result'
import {
  generateRecipientKey,
  parseRecipientKey,
  printRecipient,
  type Recipient,
  type RecipientKey,
} from '#lib/seal/recipient-key'
import type { Sink } from './sink.ts'

export type KeyFileError = {
  readonly reason: 'bad_recipient_key' | 'key_file_too_open' | 'key_file_missing'
}

/** The octets of a sealed file. @throws {Error} while reading, when it cannot be read. */
export function openRecordingFile(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path)
}

/** Text of the manifest beside a sealed file, if there is one. @throws {Error} when it cannot be read. */
export function readManifestBeside(path: string): Promise<string | undefined> {
  return readIfThere(`${path}.manifest`)
}

/** Text of the statement in the place of an erased file, if there is one. @throws {Error} as above. */
export function readErasureBeside(path: string): Promise<string | undefined> {
  return readIfThere(`${path}.erased`)
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw cause
  }
}

/** Reads a private key, unless others may read it too. */
export async function readRecipientKeyFile(
  path: string,
): Promise<Result<RecipientKey, KeyFileError>> {
  try {
    if (((await stat(path)).mode & 0o077) !== 0) return err({ reason: 'key_file_too_open' })
    const key = await parseRecipientKey(await readFile(path, 'utf8'))
    return key.ok ? key : err({ reason: 'bad_recipient_key' })
  } catch (cause) {
    if (isMissing(cause)) return err({ reason: 'key_file_missing' })
    throw cause
  }
}

/**
 * Makes a key pair: the private half into a new file of mode 0600, the public line into `PATH.pub`.
 * @throws {Error} when the file exists: a key that opens recordings is never overwritten.
 */
export async function createRecipientKeyFile(
  path: string,
  kem: Recipient['kem'] = 'x25519',
): Promise<{ readonly publicLine: string; readonly fingerprint: string }> {
  const { recipient, privateText } = await generateRecipientKey(kem)
  const handle = await open(path, 'wx', 0o600)
  try {
    await handle.writeFile(privateText)
    await handle.sync()
  } finally {
    await handle.close()
  }
  const publicLine = printRecipient(recipient)
  await writeFile(`${path}.pub`, `${publicLine}\n`)
  return { publicLine, fingerprint: recipient.fingerprint }
}

/**
 * A new file that only its owner reads.
 * @throws {Error} when it exists, cannot be made, or the disk is full.
 */
export async function createPrivateFile(path: string): Promise<Sink> {
  const handle = await open(path, 'wx', 0o600)
  return {
    write: (chunk) => handle.writeFile(chunk),
    close: () => handle.close(),
    async discard() {
      await handle.close()
      await rm(path)
    },
  }
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
}
