/**
 * Recordings, keys and the terminal as the `recordings` commands use them.
 */
import { createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JWK } from 'jose'
import { err, ok } from '#lib/result'
import type { RecordingIo } from '../commands/recording-io.ts'
import { evidenceKeyFailure, fileExists, keyExists, keyFailure } from '../commands/recordings.ts'
import { RESTORE_TERMINAL } from './play-schedule.ts'
import {
  createPrivateFile,
  createRecipientKeyFile,
  openRecordingFile,
  readErasureBeside,
  readManifestBeside,
  readRecipientKeyFile,
} from './recording-file-store.ts'

/** The real thing: files, standard output, time. */
export const recordingIo: RecordingIo = {
  isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
  openFile: openRecordingFile,
  readFolder: (path) =>
    statSync(path, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(path).sort() : undefined,
  readManifest: readManifestBeside,
  readErasure: readErasureBeside,
  async readKey(path) {
    const key = await readRecipientKeyFile(path)
    return key.ok ? key : err(keyFailure(path, key.error.reason))
  },
  async createKey(path, kem) {
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) return keyExists(path)
    const { fingerprint } = await createRecipientKeyFile(path, kem)
    return ok({ publicFile: `${path}.pub`, fingerprint })
  },
  async write(chunk) {
    if (!process.stdout.write(chunk)) await once(process.stdout, 'drain')
  },
  async createFile(path) {
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) return fileExists(path)
    return ok(await createPrivateFile(path))
  },
  sleep: (delayMs) => sleep(delayMs),
  async onScreen(replay) {
    if (!process.stdout.isTTY) return replay()
    process.once('SIGINT', restoreAndExit)
    try {
      return await replay()
    } finally {
      process.off('SIGINT', restoreAndExit)
      process.stdout.write(RESTORE_TERMINAL)
    }
  },
  async readEvidenceKey(path) {
    try {
      return ok(publicJwk(await readFile(path, 'utf8')))
    } catch {
      return err(evidenceKeyFailure(path))
    }
  },
}

function restoreAndExit(): void {
  process.stdout.write(RESTORE_TERMINAL, () => process.exit(128 + constants.signals.SIGINT))
}

/** Evidence keys are of P-256: another key is a mistake of the user, no finding about the recording. */
function publicJwk(text: string): JWK {
  const key = text.trimStart().startsWith('{')
    ? createPublicKey({ key: JSON.parse(text), format: 'jwk' })
    : createPublicKey(text)
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('not a P-256 key')
  return key.export({ format: 'jwk' }) as JWK
}
