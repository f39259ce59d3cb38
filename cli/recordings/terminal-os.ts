/**
 * Recordings, keys and the terminal as the `recordings` commands use them.
 */
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { err, ok } from '#lib/result'
import { keyExists, keyFailure, type RecordingIo } from '../commands/recordings.ts'
import {
  createRecipientKeyFile,
  openRecordingFile,
  readManifestBeside,
  readRecipientKeyFile,
} from './recording-file-store.ts'

/** The real thing: files, standard output, time. */
export const recordingIo: RecordingIo = {
  isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
  openFile: openRecordingFile,
  readManifest: readManifestBeside,
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
  sleep: (delayMs) => sleep(delayMs),
}
